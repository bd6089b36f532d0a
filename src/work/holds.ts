import type { CellHold, WorkStore } from '../store/index.ts';

/** Keeps the leases of every cell that is under way in this process, by one statement for all of them. */
export class Holds {
  readonly #store: Pick<WorkStore, 'renew'>;
  readonly #leaseMs: number;
  readonly #held = new Map<string, { readonly hold: CellHold; readonly onLost: () => void }>();
  readonly #timer: NodeJS.Timeout;
  #isRenewing = false;

  constructor(store: Pick<WorkStore, 'renew'>, leaseMs: number) {
    this.#store = store;
    this.#leaseMs = leaseMs;
    this.#timer = setInterval(() => void this.#renew(), leaseMs / 4);
  }

  /** `onLost` hears when the cell is no longer ours, or its job no longer runs. */
  add(hold: CellHold, onLost: () => void): void {
    this.#held.set(hold.attempt, { hold, onLost });
  }

  remove({ attempt }: CellHold): void {
    this.#held.delete(attempt);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    if (this.#isRenewing || this.#held.size === 0) return;
    this.#isRenewing = true;
    try {
      const asked = [...this.#held.values()];
      const ours = await this.#store.renew(
        asked.map(({ hold }) => hold),
        this.#leaseMs,
      );
      for (const { hold, onLost } of asked) if (!ours.has(hold.attempt)) onLost();
    } catch {
      // A database that is away hands our cells to nobody else either; the next try follows.
    } finally {
      this.#isRenewing = false;
    }
  }
}
