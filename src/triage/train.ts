import { createHash } from 'node:crypto';
import { canonicalJson, SmallfirstError } from '../core/index.ts';
import { crossValidate } from './cross-validate.ts';
import { countTexts } from './feature-counter.ts';
import { groupKeys } from './folds.ts';
import type { TriageModel } from './model.ts';
import { cutsOf, reportOn, type TriageReport } from './report.ts';
import { fitRouter, type TrainingData } from './router.ts';
import type { TriageRow } from './types.ts';

/** Where a training is. A listener may throw to end it. */
export interface TriageProgress {
  readonly phase: 'scan' | 'cross-validate' | 'fit';
  readonly done: number;
  readonly total: number;
}

/** What training makes. The report says whether to use the model. */
export interface TrainedTriage {
  readonly model: TriageModel;
  readonly report: TriageReport;
  /** λ·n of the two heads, as chosen on inner folds. */
  readonly penalty: number;
  /** SHA-256 over the rows in the order of their ids, as `sha256:…`. */
  readonly dataHash: string;
}

const FOLDS = 5;
/** Below this, folds hold next to nothing. */
export const LEAST_CLUSTERS = 20;

/**
 * Trains the two heads, P(big right) and P(small right), and cross-validates their difference. Deterministic: the same rows in any
 * order and the same seed give the same model. Throws INPUT_INVALID when there are too few independent rows to judge it.
 */
export function trainTriage(
  rows: readonly TriageRow[],
  options: { readonly seed: number; readonly folds?: number; readonly onProgress?: (progress: TriageProgress) => void },
): TrainedTriage {
  const folds = options.folds ?? FOLDS;
  const clusters = new Set(groupKeys(rows)).size;
  if (clusters < LEAST_CLUSTERS)
    throw new SmallfirstError(
      'INPUT_INVALID',
      `${clusters} different texts or clusters are too few to train from; ${LEAST_CLUSTERS} are needed at least`,
    );
  const tell = (phase: TriageProgress['phase'], total: number) => (done: number) => options.onProgress?.({ phase, done, total });
  // In the order of ids, so that sums run alike whatever the file's order.
  const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
  const texts = countTexts(
    sorted.map((row) => row.text),
    tell('scan', sorted.length),
  );
  const data: TrainingData = { rows: sorted, texts };
  const gains = crossValidate(data, { folds, seed: options.seed, onFold: tell('cross-validate', folds) });
  const cuts = cutsOf(gains.router);
  const report = reportOn(sorted, gains, { folds, seed: options.seed, cuts });
  const fitted = tell('fit', 1);
  fitted(0);
  const { encoding, weights, penalty } = fitRouter(
    data,
    sorted.map((_row, index) => index),
    options.seed,
  );
  fitted(1);
  return { model: { encoding, weights: Float32Array.from(weights), cuts }, report, penalty, dataHash: hashOf(sorted) };
}

function hashOf(rows: readonly TriageRow[]): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(`${canonicalJson({ ...row })}\n`);
  return `sha256:${hash.digest('hex')}`;
}
