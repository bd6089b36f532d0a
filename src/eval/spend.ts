import { addUsd, type NanoUsd, ZERO_USD } from '../core/index.ts';

/**
 * What a run has spent, against its cap. A call that begins holds the dearest answer seen of its model; so the cap can be passed only by
 * what the first calls of a model cost, and by answers dearer than all before.
 */
export class Spend {
  readonly #cap: NanoUsd | null;
  readonly #dearest = new Map<string, NanoUsd>();
  #spent = ZERO_USD;
  #held = ZERO_USD;

  constructor(cap: NanoUsd | null) {
    this.#cap = cap;
  }

  get spent(): NanoUsd {
    return this.#spent;
  }

  /** Holds what a call may cost, or returns null when that would pass the cap. */
  begin(model: string): NanoUsd | null {
    const hold = this.#dearest.get(model) ?? ZERO_USD;
    if (this.#cap !== null && (this.#spent + this.#held + hold > this.#cap || this.#spent >= this.#cap)) return null;
    this.#held = addUsd(this.#held, hold);
    return hold;
  }

  /** Books what it cost in place of what was held; null when it failed or is unpriced. */
  settle(model: string, hold: NanoUsd, cost: NanoUsd | null): void {
    this.#held = (this.#held - hold) as NanoUsd;
    if (cost === null) return;
    this.#spent = addUsd(this.#spent, cost);
    if (cost > (this.#dearest.get(model) ?? ZERO_USD)) this.#dearest.set(model, cost);
  }
}
