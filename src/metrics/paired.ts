import { SmallfirstError } from '../core/index.ts';
import { type Interval, mcnemarExact, pairedBootstrap, wilson } from '../statistics/index.ts';

/** How an interval is drawn. */
export interface IntervalOptions {
  /** Two-sided; 0.95 when absent. */
  readonly level?: number;
  /** 0 when absent. */
  readonly seed?: number;
  /** 1,000 when absent. */
  readonly resamples?: number;
  /** A name for each row: rows of one cluster are drawn together, because they are not independent. */
  readonly clusters?: readonly string[];
}

/** Two models on the same rows. Intervals are for display; pass or fail is decided by `certify/`. */
export interface PairedComparison {
  readonly n: number;
  readonly meanA: number;
  readonly meanB: number;
  /** meanA − meanB. */
  readonly difference: number;
  /** Of the difference, by paired bootstrap. */
  readonly interval: Interval;
  /** McNemar's exact two-sided p; null for graded scores and for clustered rows, whose dependence it does not know. */
  readonly mcnemar: number | null;
  /** Rows where A is better, where B is, and where they are equal. */
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
}

/** Compares two models row by row. Throws INPUT_INVALID on no rows, on lengths that differ and on scores that are not numbers. */
export function comparePaired(a: readonly number[], b: readonly number[], options: IntervalOptions = {}): PairedComparison {
  checkScores(a);
  checkScores(b);
  if (a.length !== b.length) throw new SmallfirstError('INPUT_INVALID', `${a.length} scores are paired with ${b.length}`);
  let [wins, losses] = [0, 0];
  for (let row = 0; row < a.length; row += 1) {
    if (a[row]! > b[row]!) wins += 1;
    else if (a[row]! < b[row]!) losses += 1;
  }
  const differences = a.map((score, row) => score - b[row]!);
  const binary = isBinary(a) && isBinary(b) && options.clusters === undefined;
  const [meanA, meanB] = [mean(a), mean(b)];
  return {
    n: a.length,
    meanA,
    meanB,
    difference: meanA - meanB,
    interval: bootstrapMeans([differences], ([of]) => of!, options),
    mcnemar: binary ? mcnemarExact(wins, losses) : null,
    wins,
    losses,
    ties: a.length - wins - losses,
  };
}

/** The mean of scores with its interval: Wilson's for 0 and 1, the bootstrap's for graded or clustered ones. */
export function meanInterval(
  scores: readonly number[],
  options: IntervalOptions = {},
): { readonly n: number; readonly mean: number; readonly interval: Interval; readonly method: 'wilson' | 'bootstrap' } {
  checkScores(scores);
  const n = scores.length;
  const value = mean(scores);
  if (isBinary(scores) && options.clusters === undefined) {
    return { n, mean: value, interval: wilson(Math.round(value * n), n, options.level ?? LEVEL), method: 'wilson' };
  }
  return { n, mean: value, interval: bootstrapMeans([scores], ([of]) => of!, options), method: 'bootstrap' };
}

/**
 * Quality retention: mean of small / mean of big, with its paired bootstrap interval. Both are null when big scores nothing, for then
 * there is nothing to keep.
 */
export function retention(
  small: readonly number[],
  big: readonly number[],
  options: IntervalOptions = {},
): { readonly retained: number | null; readonly interval: Interval | null } {
  checkScores(small);
  checkScores(big);
  if (small.length !== big.length) throw new SmallfirstError('INPUT_INVALID', `${small.length} scores are paired with ${big.length}`);
  const ceiling = mean(big);
  if (ceiling === 0) return { retained: null, interval: null };
  // A draw in which big scores nothing has no ratio: the bootstrap leaves it out.
  const ratio = ([s, b]: readonly number[]) => (b === 0 ? Number.NaN : s! / b!);
  return { retained: mean(small) / ceiling, interval: bootstrapMeans([small, big], ratio, options) };
}

const LEVEL = 0.95;
const RESAMPLES = 1000;

/** Bootstrap interval of a function of the columns' means; draws rows, or whole clusters when there are any. */
function bootstrapMeans(
  columns: readonly (readonly number[])[],
  statistic: (means: readonly number[]) => number,
  { level = LEVEL, seed = 0, resamples = RESAMPLES, clusters }: IntervalOptions,
): Interval {
  const { sums, sizes } = clusterSums(columns, clusters);
  const draw = (indices: Int32Array) => {
    const totals = new Array<number>(columns.length).fill(0);
    let rows = 0;
    for (const index of indices) {
      rows += sizes[index]!;
      for (let column = 0; column < totals.length; column += 1) totals[column]! += sums[column]![index]!;
    }
    return statistic(totals.map((total) => total / rows));
  };
  return pairedBootstrap(sizes.length, draw, { resamples, level, seed });
}

/** Per unit that is drawn (a row, or a cluster): the sum of each column and the number of rows. */
function clusterSums(columns: readonly (readonly number[])[], clusters: readonly string[] | undefined) {
  const n = columns[0]!.length;
  if (clusters === undefined) return { sums: columns, sizes: new Array<number>(n).fill(1) };
  if (clusters.length !== n) throw new SmallfirstError('INPUT_INVALID', `${n} scores have ${clusters.length} clusters`);
  const place = new Map<string, number>();
  for (const cluster of clusters) if (!place.has(cluster)) place.set(cluster, place.size);
  const sizes = new Array<number>(place.size).fill(0);
  const sums = columns.map(() => new Array<number>(place.size).fill(0));
  for (const [row, cluster] of clusters.entries()) {
    const at = place.get(cluster)!;
    sizes[at]! += 1;
    for (const [index, column] of columns.entries()) sums[index]![at]! += column[row]!;
  }
  return { sums, sizes };
}

function checkScores(scores: readonly number[]): void {
  if (scores.length === 0) throw new SmallfirstError('INPUT_INVALID', 'there are no scores to compare');
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw new SmallfirstError('INPUT_INVALID', `score ${bad + 1} is not a finite number`);
}

function isBinary(scores: readonly number[]): boolean {
  return scores.every((score) => score === 0 || score === 1);
}

function mean(scores: readonly number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
