import { certify, errorBudget, fixedSequence, type PairCounts, scoreTest } from '../src/certify/index.ts';
import type { Pair } from '../src/core/index.ts';
import { quantileSorted, type Random } from '../src/statistics/index.ts';
import type { Population } from './cascades-data.ts';
import { LEVEL, type LookAt, type Spending } from './looks-runs.ts';

/** A candidate of recorded answers as columns, with the share of quality that every threshold truly keeps. */
export interface RecordedCandidate {
  readonly pairs: readonly Pair[];
  readonly retainedFrom: (threshold: number) => number;
}

/** Thresholds of a run: quantiles of so many answers that are certified on by no look. */
const FIT = 300;
const POINTS = 20;

/** The candidate at place `small` of the ladder, against its last model. */
export function recordedCandidate(population: Population, small: number): RecordedCandidate {
  const pairs = population.requests.map((answers, row): Pair => {
    const { quality, probability = 0 } = answers[small]!;
    return { id: String(row), small: { quality, confidence: probability }, big: { quality: answers.at(-1)!.quality } };
  });
  const falling = [...pairs].sort((a, b) => b.small.confidence! - a.small.confidence!);
  const big = pairs.reduce((sum, pair) => sum + pair.big.quality, 0);
  const kept = new Float64Array(pairs.length + 1);
  kept[0] = big;
  falling.forEach((pair, i) => {
    kept[i + 1] = kept[i]! + pair.small.quality - pair.big.quality;
  });
  return {
    pairs,
    retainedFrom: (threshold) => {
      let [low, high] = [0, falling.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (falling[middle]!.small.confidence! >= threshold) low = middle + 1;
        else high = middle;
      }
      return kept[low]! / big;
    },
  };
}

/** The share of quality that accepting this share of the answers truly keeps: taken as the floor, a boundary that runs must not cross. */
export function floorAt(candidate: RecordedCandidate, accepted: number): number {
  const sorted = Float64Array.from(candidate.pairs, (pair) => pair.small.confidence!).sort();
  return candidate.retainedFrom(quantileSorted(sorted, 1 - accepted));
}

/** What each threshold of a grid adds up to over a growing sample: the sums that `certify` decides by, kept as it grows. */
class GrowingCounts {
  readonly #candidate: RecordedCandidate;
  readonly #grid: readonly number[];
  readonly #lost: Int32Array;
  readonly #gained: Int32Array;
  #right = 0;
  #n = 0;

  constructor(candidate: RecordedCandidate, grid: readonly number[]) {
    this.#candidate = candidate;
    this.#grid = grid;
    this.#lost = new Int32Array(grid.length);
    this.#gained = new Int32Array(grid.length);
  }

  grow(drawn: Int32Array, n: number): void {
    for (; this.#n < n; this.#n += 1) {
      const { small, big } = this.#candidate.pairs[drawn[this.#n]!]!;
      this.#right += big.quality;
      if (small.quality === big.quality) continue;
      const sums = small.quality < big.quality ? this.#lost : this.#gained;
      // The grid falls: once a threshold accepts the answer, every bolder one does.
      for (
        let point = this.#grid.findIndex((threshold) => small.confidence! >= threshold);
        point >= 0 && point < this.#grid.length;
        point += 1
      )
        sums[point] = sums[point]! + 1;
    }
  }

  /** The boldest threshold that the fixed sequence reaches; null for none, or for one that accepts nothing of the sample. */
  certified(floor: number, look: number | null): number | null {
    const points = this.#grid.map((_, point): PairCounts => {
      const lost = this.#lost[point]!;
      return { n: this.#n, kept: this.#right - lost, lost, gained: this.#gained[point]! };
    });
    const delta = errorBudget({ floor, level: LEVEL, requested: 'score', used: 'score', look, bigRight: this.#right });
    const { deployed } = fixedSequence(
      points.map((counts) => scoreTest(counts, floor)),
      delta,
    );
    return deployed < 0 ? null : this.#grid[deployed]!;
  }
}

/**
 * One run: a growing sample with replacement, looked at in order; true when some look deploys a policy that is truly below its candidate's
 * floor. Both candidates answer the same drawn requests. `certifiedAt` is the first look that deploys anything.
 */
export function recordedRun(random: Random, world: RecordedWorld, looks: readonly LookAt[], spending: Spending): RecordedEnd {
  const { candidates, floors } = world;
  const size = candidates[0]!.pairs.length;
  const drawn = Int32Array.from({ length: Math.max(...looks.map(({ n }) => n)) }, () => random.int(size));
  const samples = candidates.map((candidate) => new GrowingCounts(candidate, gridOf(random, candidate)));
  let certifiedAt: number | null = null;
  for (const [index, { n, candidate }] of looks.entries()) {
    const sample = samples[candidate]!;
    sample.grow(drawn, n);
    const threshold = sample.certified(floors[candidate]!, spending === 'naive' ? null : index + 1);
    if (threshold === null) continue;
    certifiedAt ??= n;
    // Rounding of sums must not make the boundary itself a violation.
    if (candidates[candidate]!.retainedFrom(threshold) < floors[candidate]! - 1e-12) return { isFalse: true, certifiedAt };
  }
  return { isFalse: false, certifiedAt };
}

/** Whether the quick sums and `certify` itself choose the same threshold on the same pairs: a bench that differs measures nothing. */
export function agreesWithCertify(random: Random, candidate: RecordedCandidate, floor: number): boolean {
  const grid = gridOf(random, candidate);
  const drawn = Int32Array.from({ length: 1_000 }, () => random.int(candidate.pairs.length));
  const sample = new GrowingCounts(candidate, grid);
  sample.grow(drawn, drawn.length);
  const pairs = Array.from(drawn, (row, i): Pair => ({ ...candidate.pairs[row]!, id: String(i) }));
  const { verdict, threshold } = certify(pairs, { floor, level: LEVEL, method: 'score', look: 2, grid });
  const quick = sample.certified(floor, 2);
  const accepts = quick !== null && pairs.some(({ small }) => small.confidence! >= quick);
  return verdict === 'frontier' ? !accepts : quick === (verdict === 'swap' ? grid.at(-1)! : threshold);
}

function gridOf(random: Random, { pairs }: RecordedCandidate): readonly number[] {
  const sorted = Float64Array.from({ length: FIT }, () => pairs[random.int(pairs.length)]!.small.confidence!).sort();
  const cuts = Array.from({ length: POINTS }, (_, point) => quantileSorted(sorted, 1 - (point + 1) / POINTS));
  return [...new Set([...cuts, 0])].sort((a, b) => b - a);
}

/** Candidates on the same requests, each with a floor of its own. */
export interface RecordedWorld {
  readonly candidates: readonly RecordedCandidate[];
  readonly floors: readonly number[];
}

export interface RecordedEnd {
  readonly isFalse: boolean;
  readonly certifiedAt: number | null;
}
