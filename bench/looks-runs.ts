import { errorBudget, logEValue, type PairCounts, scoreTest } from '../src/certify/index.ts';
import type { Random } from '../src/statistics/index.ts';
import { countsOf, type Population } from './certify-draws.ts';

export const FLOOR = 0.98;
export const LEVEL = 0.95;
/** Pairs of the automatic looks, and of a person's look between two of them. */
export const SIZES = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000] as const;
const PERSON_AT = 700;

/** When a sequence of looks certified for the first time: pairs of the look; null where none did. */
export interface RunEnd {
  readonly certifiedAt: number | null;
}

/** Which looks are taken, in order: how many pairs there are, and at which candidate. */
export interface LookAt {
  readonly n: number;
  readonly candidate: number;
}

/** All automatic looks; with `all`, also a person's look at 700 pairs and a second candidate on the same requests at every size. */
export function looksOf(all: boolean): readonly LookAt[] {
  const sizes = all ? [...SIZES, PERSON_AT].sort((a, b) => a - b) : SIZES;
  return sizes.flatMap((n) => (all && n !== PERSON_AT ? [0, 1] : [0]).map((candidate) => ({ n, candidate })));
}

/** A growing sample of one candidate: counts at each size, drawn increment by increment. */
class Grown {
  readonly #next = new Map<number, () => PairCounts>();
  #sum: PairCounts = { n: 0, kept: 0, lost: 0, gained: 0 };
  readonly #random: Random;
  readonly #population: Population;

  constructor(random: Random, population: Population) {
    this.#random = random;
    this.#population = population;
  }

  restart(): void {
    this.#sum = { n: 0, kept: 0, lost: 0, gained: 0 };
  }

  at(n: number): PairCounts {
    const more = n - this.#sum.n;
    if (more > 0) {
      let draw = this.#next.get(more);
      if (draw === undefined) {
        draw = countsOf(this.#random, more, this.#population);
        this.#next.set(more, draw);
      }
      const { kept, lost, gained } = draw();
      this.#sum = { n, kept: this.#sum.kept + kept, lost: this.#sum.lost + lost, gained: this.#sum.gained + gained };
    }
    return this.#sum;
  }
}

/** How a sequence spends its error: each look the next share, as the product does; or every look all of it, as if it were the only one. */
export type Spending = 'shares' | 'naive';

/** What a sequence of looks is about. */
export interface SwapWorld {
  readonly population: Population;
  readonly looks: readonly LookAt[];
  readonly spending: Spending;
  /** Whether the second candidate is as good as the first; else it only takes its shares of the error and never passes. */
  readonly isSecondAlike: boolean;
}

/** Runs one sequence of looks at the swap of every answer, over and over; each candidate is drawn from the same population. */
export function* swapRuns(random: Random, { population, looks, spending, isSecondAlike }: SwapWorld): Generator<RunEnd, never, void> {
  const candidates = [0, 1].map(() => new Grown(random, population));
  for (;;) {
    for (const candidate of candidates) candidate.restart();
    let certifiedAt: number | null = null;
    for (const [index, { n, candidate }] of looks.entries()) {
      if (candidate === 1 && !isSecondAlike) continue;
      const counts = candidates[candidate]!.at(n);
      const delta = errorBudget({
        floor: FLOOR,
        level: LEVEL,
        requested: 'score',
        used: 'score',
        look: spending === 'naive' ? null : index + 1,
        bigRight: counts.kept + counts.lost,
      });
      if (scoreTest(counts, FLOOR) <= delta) {
        certifiedAt = n;
        break;
      }
    }
    yield { certifiedAt };
  }
}

/** The same with the e-value, which may look whenever the sample has grown by a tenth, each time at the whole of α. */
export function* betRuns(random: Random, population: Population): Generator<RunEnd, never, void> {
  const sample = new Grown(random, population);
  for (;;) {
    sample.restart();
    let certifiedAt: number | null = null;
    for (let n = 100; n <= SIZES.at(-1)!; n = Math.ceil(n * 1.1)) {
      if (logEValue(sample.at(n), FLOOR) >= -Math.log(1 - LEVEL)) {
        certifiedAt = n;
        break;
      }
    }
    yield { certifiedAt };
  }
}
