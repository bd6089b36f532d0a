import { logSumExp } from '../statistics/index.ts';
import { growth, STAKES } from './stakes.ts';

/**
 * Evidence against "the policy retains at least its floor": E = mean over the stakes of Π(1 − ν·w·Z), never reset. While the policy keeps
 * its floor E is a supermartingale from 1, so P(E ever reaches 1/α) ≤ α over the whole run (Ville 1939), whenever one looks or stops.
 * Weights may change their scale between rows as long as what was seen before decides it.
 */
export class HarmProcess {
  // Logarithms: over a long run a stake's product leaves the range of a double.
  readonly #logs = new Float64Array(STAKES.length);
  #rows = 0;

  /** Folds one row; gives E after it. */
  add(score: number, weight: number): number {
    for (let i = 0; i < STAKES.length; i += 1) this.#logs[i]! += Math.log(growth(STAKES[i]!, score, weight));
    this.#rows += 1;
    return this.value;
  }

  /** 1 before the first row; Infinity where a double cannot hold it. */
  get value(): number {
    return Math.exp(logSumExp(this.#logs) - Math.log(STAKES.length));
  }

  get rows(): number {
    return this.#rows;
  }
}
