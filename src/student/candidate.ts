import { ece } from '../confidence/index.ts';
import type { Clock } from '../core/index.ts';
import { isRight, type Scale, scorePredictions } from './scores.ts';
import type { Candidate, FitJob, Fitted, Fitter, StudentProgress } from './train-types.ts';
import type { CandidateFigures, CrossValidation } from './types.ts';

/** A candidate that was fitted and cross-validated. */
export interface Tried {
  readonly fitted: Fitted;
  readonly crossValidation: CrossValidation;
  readonly figures: CandidateFigures;
  /** For every row, in order: 1 where the held-out answer is wholly right. */
  readonly outcomes: readonly number[];
}

/** Fits one candidate and scores what it said of the rows while they were held out. */
export async function tryCandidate(
  candidate: Candidate,
  world: {
    readonly job: FitJob;
    readonly fitter: Fitter;
    readonly clock: Clock;
    readonly signal: AbortSignal | null;
    readonly onProgress: (progress: StudentProgress) => void;
  },
): Promise<Tried> {
  const { job, fitter, clock, signal, onProgress } = world;
  const startedAt = clock.monotonic();
  const fitted = await fitter(job, { signal, onProgress });
  const seconds = (clock.monotonic() - startedAt) / 1000;
  const scale: Scale = { kind: job.kind, labels: new Set(fitted.labels), tolerance: fitted.tolerance ?? 0 };
  const crossValidation = validationFigures(job, fitted, scale);
  const { accuracy, ece: error, aurc } = crossValidation;
  return {
    fitted,
    crossValidation,
    figures: { ...candidate, accuracy, ece: error, aurc, seconds },
    outcomes: job.rows.map((row, i) => (isRight(row, fitted.heldOut[i]!, scale) ? 1 : 0)),
  };
}

function validationFigures({ rows }: FitJob, { heldOut, folds, unscaled }: Fitted, scale: Scale): CrossValidation {
  const { accuracy, ece: error, aurc, macroF1, microF1, mae, rmse, tolerance, outOfScopeAuroc } = scorePredictions(rows, heldOut, scale);
  const members = { macroF1, microF1, mae, rmse, tolerance, outOfScopeAuroc: outOfScopeAuroc ?? undefined };
  const kept = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
  return {
    folds,
    rows: rows.length,
    accuracy: accuracy ?? 0,
    ece: error,
    aurc,
    ...kept,
    ...(unscaled === undefined
      ? {}
      : {
          eceUnscaled: ece(
            unscaled,
            rows.map((row, i) => (isRight(row, heldOut[i]!, scale) ? 1 : 0)),
          )!,
        }),
  };
}
