import { type Clock, systemClock } from '../core/index.ts';
import { askJudge } from './ask.ts';
import { scoreRequest } from './prompt.ts';
import type { Judgement, JudgeQuestion } from './types.ts';
import { readScore } from './verdict.ts';

/**
 * Scores one answer by itself, 0..1 by the judge's rubric, at temperature 0. A reply that cannot be read is asked for once more. Never
 * throws what the error table knows: then `score` is null and `failure` says why (ABORTED when the signal was aborted).
 */
export async function judgeAnswer(question: JudgeQuestion, clock: Clock = systemClock): Promise<Judgement> {
  const { judge, signal, itemId = null } = question;
  const { verdict, ...asked } = await askJudge(
    { judge, signal, itemId, request: (isRetry) => scoreRequest(question, isRetry), read: readScore },
    clock,
  );
  return { ...asked, score: verdict?.score ?? null, reason: verdict?.reason ?? null };
}
