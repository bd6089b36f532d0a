import { normaliseLabel } from '../core/index.ts';
import { cohenKappa, type HumanLabel, type Kappa } from '../metrics/index.ts';
import { type Interval, normalQuantile } from '../statistics/index.ts';
import type { StoredPair } from '../store/index.ts';
import { labelledRequest } from './agreement.ts';

/** How far a model's labels are those that people give. */
export interface LabelAgreement extends Kappa {
  readonly model: string;
  /** Two-sided, 95 %, by the large-sample standard error; null where κ is. */
  readonly interval: Interval | null;
}

/**
 * Cohen's κ between people and the ceiling of a label task, over uniformly drawn requests. An answer that is no label of the task is a
 * category of its own. Null where nothing was labelled.
 */
export function labelAgreement(
  pairs: readonly StoredPair[],
  labels: readonly HumanLabel[],
  declared: readonly string[],
): LabelAgreement | null {
  const right = new Map(
    labels.flatMap(({ requestId, label, sample }): (readonly [string, string])[] =>
      label !== null && sample === 'uniform' ? [[requestId, label]] : [],
    ),
  );
  const answered = new Map(pairs.map((pair) => [labelledRequest(pair), pair]));
  const counts = Array.from({ length: declared.length + 1 }, () => new Array<number>(declared.length + 1).fill(0));
  const placeOf = (text: string): number => {
    const label = normaliseLabel(text, declared);
    return label === null ? declared.length : declared.indexOf(label);
  };
  let model: string | null = null;
  for (const [request, label] of right) {
    const pair = answered.get(request);
    if (pair === undefined || pair.bigOutput === null) continue;
    model = pair.big;
    counts[placeOf(label)]![placeOf(pair.bigOutput)]! += 1;
  }
  if (model === null) return null;
  const kappa = cohenKappa(counts);
  const half = kappa.standardError === null ? null : normalQuantile(0.975) * kappa.standardError;
  return {
    model,
    ...kappa,
    interval: half === null || kappa.kappa === null ? null : { low: kappa.kappa - half, high: Math.min(1, kappa.kappa + half) },
  };
}
