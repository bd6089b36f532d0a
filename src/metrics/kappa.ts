import { SmallfirstError } from '../core/index.ts';

/** How far apart two categories are: any difference counts as one, or by distance, or by its square. */
export type KappaWeights = 'none' | 'linear' | 'quadratic';

/** Cohen's κ of two raters, from a table of counts: rows are the first one's categories, columns the second's. */
export interface Kappa {
  readonly n: number;
  /** Weighted share of rows on which both agree, and the share to expect if they rated independently. */
  readonly observed: number;
  readonly expected: number;
  /** (observed − expected) / (1 − expected); null where both always say the same one thing, and agreement means nothing. */
  readonly kappa: number | null;
  /** Of large samples, of independent rows (Fleiss, Cohen and Everitt 1969); null where κ is. */
  readonly standardError: number | null;
}

/**
 * Cohen's κ (1960), weighted (1968) by distance where categories are in order. Throws INPUT_INVALID for a table that is not square, holds
 * no rows, or holds what is no count.
 */
export function cohenKappa(counts: readonly (readonly number[])[], weights: KappaWeights = 'none'): Kappa {
  const size = counts.length;
  const n = counts.flat().reduce((sum, count) => sum + count, 0);
  if (size < 2 || counts.some((row) => row.length !== size || row.some((count) => !Number.isInteger(count) || count < 0)) || n === 0) {
    throw new SmallfirstError('INPUT_INVALID', 'agreement needs a square table of counts with at least one row rated');
  }
  const shares = counts.map((row) => row.map((count) => count / n));
  const rows = shares.map((row) => row.reduce((sum, share) => sum + share, 0));
  const columns = rows.map((_, j) => shares.reduce((sum, row) => sum + row[j]!, 0));
  const weight = (i: number, j: number) => weightOf(weights, i, j, size);
  const [observed, expected] = [
    sumOver(size, (i, j) => shares[i]![j]! * weight(i, j)),
    sumOver(size, (i, j) => rows[i]! * columns[j]! * weight(i, j)),
  ];
  if (1 - expected < 1e-12) return { n, observed, expected, kappa: null, standardError: null };
  const ofRow = rows.map((_, i) => columns.reduce((sum, share, j) => sum + share * weight(i, j), 0));
  const ofColumn = columns.map((_, j) => rows.reduce((sum, share, i) => sum + share * weight(i, j), 0));
  const spread = sumOver(
    size,
    (i, j) => shares[i]![j]! * (weight(i, j) * (1 - expected) - (ofRow[i]! + ofColumn[j]!) * (1 - observed)) ** 2,
  );
  const variance = (spread - (observed * expected - 2 * expected + observed) ** 2) / (n * (1 - expected) ** 4);
  return { n, observed, expected, kappa: (observed - expected) / (1 - expected), standardError: Math.sqrt(Math.max(0, variance)) };
}

/**
 * Quadratic-weighted κ of two raters on a scale, without binning: 1 − mean (a − b)² / the same of all pairs of rows. On categories it is
 * `cohenKappa(…, 'quadratic')`; on numbers, Lin's concordance (Krippendorff 1970). From sums, so that resampling is cheap; null where
 * both always say the same one thing.
 */
export function kappaOfSums({ n, a, b, aa, bb, ab }: ScaleSums): number | null {
  if (n === 0) return null;
  const observed = (aa + bb - 2 * ab) / n;
  const expected = (aa + bb) / n - 2 * (a / n) * (b / n);
  return expected < 1e-12 ? null : 1 - observed / expected;
}

/** What a set of rows (a, b) adds up to: how many, Σa, Σb, Σa², Σb², Σab. */
export interface ScaleSums {
  readonly n: number;
  readonly a: number;
  readonly b: number;
  readonly aa: number;
  readonly bb: number;
  readonly ab: number;
}

function weightOf(weights: KappaWeights, i: number, j: number, size: number): number {
  const distance = Math.abs(i - j) / (size - 1);
  if (weights === 'none') return i === j ? 1 : 0;
  return 1 - (weights === 'linear' ? distance : distance ** 2);
}

function sumOver(size: number, term: (i: number, j: number) => number): number {
  let sum = 0;
  for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) sum += term(i, j);
  return sum;
}
