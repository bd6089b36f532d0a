import { type Call, FINGERPRINT_TAG, type Outcome, type Purpose } from '../core/index.ts';
import type { Action, CallReason } from '../policy/index.ts';
import type { Attempted } from './attempt.ts';
import type { Step, StepRequest } from './types.ts';

/** The policy's last word; null when the step ended without one (aborted). */
export type Final = Exclude<Action, { do: 'call' }> | null;

/** The rows of a step, one per attempt, oldest first: what became of each is known only once the step has ended. */
export function callRows(attempts: readonly Attempted[], final: Final, step: Step, request: StepRequest): readonly Call[] {
  return attempts.map((attempt, index) => {
    const isLast = index === attempts.length - 1;
    const isServed = final?.do === 'answer' && final.attempt === index;
    return {
      id: attempt.callId,
      requestId: request.requestId,
      at: attempt.at,
      task: step.task,
      step: step.step,
      pipeline: step.pipeline,
      key: request.origin.key,
      team: request.origin.team,
      model: attempt.model.name,
      provider: attempt.model.provider,
      servedModel: attempt.answer.servedModel,
      tier: attempt.model.tier,
      purpose: purposeOf(attempt.why, index),
      outcome: final === null && isLast ? unserved(attempt) : outcomeOf(attempt, isServed, isLast && final?.do === 'refuse'),
      error: attempt.error?.code ?? null,
      stop: attempt.error ? null : attempt.answer.stop,
      usage: attempt.usage,
      usageSource: attempt.usageSource,
      priceId: attempt.priceId,
      cost: attempt.cost,
      latencyMs: attempt.latencyMs,
      firstTokenMs: attempt.firstTokenMs,
      streamed: request.streamed,
      confidence: attempt.confidence,
      // Why it was left, which is why the next one was called, or why it was served.
      decision: (isServed ? final.why : attempts[index + 1]?.why) ?? final?.why ?? null,
      fingerprint: request.origin.fingerprint,
      bodyHash: request.origin.bodyHash,
      tags: tagsOf(request.origin.tags, attempt.answer.fingerprint),
    };
  });
}

/** The origin's tags, with the backend that answered where it named itself. */
function tagsOf(tags: Call['tags'], fingerprint: string | null): Call['tags'] {
  return fingerprint === null ? tags : { ...tags, [FINGERPRINT_TAG]: fingerprint };
}

function purposeOf(why: CallReason, index: number): Purpose {
  if (why === 'polish') return 'polish';
  return index === 0 ? 'answer' : 'escalation';
}

/**
 * What the client got is `accepted`, whatever it is worth: its decision and its stop reason say that. An attempt that was left says how
 * it ended; one that failed is `escalated`, because `failed` closes a request, and only the last one does that when nothing was served.
 */
function outcomeOf(attempt: Attempted, isServed: boolean, isLast: boolean): Outcome {
  if (isServed) return 'accepted';
  if (attempt.result === 'failed' && isLast) return 'failed';
  return attempt.result === 'complete' || attempt.result === 'abandoned' || attempt.result === 'failed' ? 'escalated' : attempt.result;
}

/** The last attempt of a step that ended without a word: nobody was there any more to take it. */
function unserved(attempt: Attempted): Outcome {
  if (attempt.error?.code === 'ABORTED' || attempt.result === 'complete' || attempt.result === 'abandoned') return 'aborted';
  return attempt.result;
}
