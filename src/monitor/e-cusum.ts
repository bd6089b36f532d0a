import { growth, STAKES } from './stakes.ts';

/** E from which a detector raises an alarm: at the floor itself, the mean number of rows before a false one is at least this. */
export const ALARM_LIMIT = 200;

/** Far above every limit and far below what a double can hold: a detector that goes on after its alarm must not overflow. */
const CEILING = 1e100;

/**
 * Detects that a policy retains less than its floor: E_t = max(1, E_{t−1})·(1 − ν·w·Z), one per stake ν, averaged. While the policy keeps
 * its floor, the mean number of rows until E reaches a limit A is at least A, whatever the distribution (e-detector: Shin, Ramdas and
 * Rinaldo 2022). The weight w corrects for how rows were drawn; see `auditWeight`.
 */
export class WeightedECusum {
  readonly #values = new Float64Array(STAKES.length).fill(1);
  #rows = 0;
  #peak = 1;

  /** Folds one row; gives E after it. */
  add(score: number, weight: number): number {
    for (let i = 0; i < STAKES.length; i += 1) {
      this.#values[i] = Math.min(CEILING, Math.max(1, this.#values[i]!) * growth(STAKES[i]!, score, weight));
    }
    this.#rows += 1;
    const value = this.value;
    if (value > this.#peak) this.#peak = value;
    return value;
  }

  /** Mean over the stakes; 1 before the first row. */
  get value(): number {
    let sum = 0;
    for (const value of this.#values) sum += value;
    return sum / STAKES.length;
  }

  /** Rows since the last restart. */
  get rows(): number {
    return this.#rows;
  }

  /** The largest E since the last restart. */
  get peak(): number {
    return this.#peak;
  }

  /** Forgets every row: for a stream with another π_min, whose weights have another scale. */
  restart(): void {
    this.#values.fill(1);
    this.#rows = 0;
    this.#peak = 1;
  }
}
