import type { NanoUsd } from '../core/index.ts';
import { Purse } from '../pipeline/index.ts';

/** What a cell may spend, in parts for the rows that are under way. */
export class CellMoney {
  #purse: Purse;
  #underWay = 0;
  readonly #width: number;

  /** Null is no limit. */
  constructor(budget: NanoUsd | null, width: number) {
    this.#purse = new Purse(budget);
    this.#width = width;
  }

  /** A part for a row; give it back. */
  take(): Purse {
    const part = this.#purse.take(Math.max(1, this.#width - this.#underWay));
    this.#underWay += 1;
    return part;
  }

  /** Gives back what a part has left after its spending; null is one that nobody knows. */
  giveBack(part: Purse, granted: NanoUsd | null, spent: NanoUsd | null): void {
    part.spend(spent, granted);
    this.#purse.join(part);
    this.#underWay -= 1;
  }
}
