import { setImmediate } from 'node:timers/promises';
import type { EvalCell, EvalStore } from '../store/index.ts';

/** Cells waiting to be written beyond which a writer makes its callers wait. */
const CROWDED = 512;

/** Writes cells as they come: while one batch is being written the next one gathers, so a kill loses only what has not come back. */
export class CellWriter {
  readonly #store: EvalStore;
  #queue: EvalCell[] = [];
  #writing: Promise<void> | null = null;
  #failed: { readonly error: unknown } | null = null;

  constructor(store: EvalStore) {
    this.#store = store;
  }

  /** Takes a cell; waits only when too many are unwritten. Throws what the store threw, from then on. */
  async add(cell: EvalCell): Promise<void> {
    this.#queue.push(cell);
    this.#writing ??= this.#write();
    if (this.#queue.length > CROWDED) await this.#writing;
    this.#check();
  }

  /** Resolves when every cell is written. */
  async drain(): Promise<void> {
    await this.#writing;
    this.#check();
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        // Answers that come in one turn of the event loop make one transaction.
        await setImmediate();
        const batch = this.#queue;
        this.#queue = [];
        await this.#store.put(batch);
      }
    } catch (error) {
      this.#failed = { error };
    } finally {
      this.#writing = null;
    }
  }

  #check(): void {
    if (this.#failed) throw this.#failed.error;
  }
}
