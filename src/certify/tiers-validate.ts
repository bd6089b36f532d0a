import { SmallfirstError } from '../core/index.ts';
import type { LadderAnswer, LadderRow, TierOptions } from './tiers-types.ts';
import { requireShare, validateGoal, validateIds } from './validate.ts';

/** Checks what types cannot. Throws USAGE for options and INPUT_INVALID for rows; callers that read files check rows first, with lines. */
export function validateTiers(rows: readonly LadderRow[], options: TierOptions): void {
  validateGoal(options);
  const { models, maxP95LatencyRatio: limit } = options;
  if (models.length < 2) throw new SmallfirstError('USAGE', 'a ladder takes at least two models, the last being its ceiling');
  if (new Set(models).size < models.length) throw new SmallfirstError('USAGE', `a model occurs twice in the ladder: ${models.join(', ')}`);
  if (limit !== undefined && !(limit > 0)) {
    throw new SmallfirstError('USAGE', `the ratio of latencies must be above 0, not ${limit}`);
  }
  validateIds(rows, 'rows');
  for (const row of rows) {
    if (row.answers.length !== models.length) {
      throw new SmallfirstError(
        'INPUT_INVALID',
        `row ${JSON.stringify(row.id)} has ${row.answers.length} answers and the ladder ${models.length} models`,
      );
    }
    row.answers.forEach((answer, tier) => {
      validateAnswer(answer, `${models[tier]} in row ${JSON.stringify(row.id)}`, limit !== undefined);
    });
  }
}

function validateAnswer(answer: LadderAnswer, where: string, timed: boolean): void {
  if (answer.quality === undefined) throw new SmallfirstError('INPUT_INVALID', `quality of ${where} is missing`);
  requireShare(answer.quality, `quality of ${where}`);
  requireShare(answer.confidence, `confidence of ${where}`);
  const { latencyMs } = answer;
  if (timed && latencyMs === undefined) {
    throw new SmallfirstError('INPUT_INVALID', `latencyMs of ${where} is missing, and a limit of latency was asked for`);
  }
  if (latencyMs !== undefined && !(latencyMs >= 0 && Number.isFinite(latencyMs))) {
    throw new SmallfirstError('INPUT_INVALID', `latencyMs of ${where} must be finite and not negative, not ${latencyMs}`);
  }
}
