import { SmallfirstError } from '../core/index.ts';
import { type Interval, normalQuantile } from '../statistics/index.ts';

/** What people and a judge said of one mean quality, put together. */
export interface PredictionPowered {
  readonly estimate: number;
  readonly standardError: number;
  /** Two-sided, normal: for display, and for some 30 labels and more. */
  readonly interval: Interval;
  /** Rows that only the judge scored, and rows that a person scored too. */
  readonly judged: number;
  readonly labelled: number;
  /** Mean of person minus judge: what the judge's own mean was corrected by. */
  readonly correction: number;
}

/**
 * Prediction-powered estimate of a mean (Angelopoulos and others 2023): θ = mean of f over N + mean of (y − f) over n, its variance
 * Var(f)/N + Var(y − f)/n. Unbiased whatever the judge f is worth, as long as the n rows that people scored (y) are a uniform draw; a good judge only
 * makes it narrower. The N rows are others than the n. Throws INPUT_INVALID below two rows of each, or for what is not a finite number.
 */
export function predictionPowered(
  judged: readonly number[],
  labelled: readonly { readonly human: number; readonly judge: number }[],
  level = 0.95,
): PredictionPowered {
  if (judged.length < 2 || labelled.length < 2) {
    throw new SmallfirstError(
      'INPUT_INVALID',
      'a prediction-powered estimate needs two rows that a judge scored and two more that a person scored too',
    );
  }
  const gaps = labelled.map(({ human, judge }) => human - judge);
  if ([...judged, ...gaps].some((value) => !Number.isFinite(value)))
    throw new SmallfirstError('INPUT_INVALID', 'a score is not a finite number');
  const [of, off] = [moments(judged), moments(gaps)];
  const estimate = of.mean + off.mean;
  const standardError = Math.sqrt(of.variance / judged.length + off.variance / gaps.length);
  const half = normalQuantile(1 - (1 - level) / 2) * standardError;
  return {
    estimate,
    standardError,
    interval: { low: estimate - half, high: estimate + half },
    judged: judged.length,
    labelled: labelled.length,
    correction: off.mean,
  };
}

function moments(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) };
}
