import type { ModelConfig } from '../config/index.ts';
import { type Call, type NanoUsd, NO_USAGE, type Usage } from '../core/index.ts';
import type { JudgeAttempt } from './types.ts';

/** Whose calls to a judge are, and how they are counted and priced. */
export interface JudgeBooking {
  /** The client's request, or the run of an eval, that caused them. */
  readonly requestId: string;
  readonly task: string;
  readonly key: string | null;
  readonly team: string | null;
  readonly tags?: Readonly<Record<string, string>>;
  readonly model: Pick<ModelConfig, 'name' | 'provider' | 'tier'>;
  newId(): string;
  /** Counts what a provider did not report. */
  countUsage(prompt: string, text: string): Usage;
  price(usage: Usage, at: number): { readonly cost: NanoUsd | null; readonly priceId: string | null };
}

/** A judge's calls as rows, one for each attempt, with purpose `judge`. A call that failed before it began used nothing. */
export function judgeRows(attempts: readonly JudgeAttempt[], booking: JudgeBooking): readonly Call[] {
  return attempts.map((attempt) => {
    const { requestId, task, key, team, model, tags = {} } = booking;
    const usage = attempt.usage ?? (attempt.outcome === 'failed' ? NO_USAGE : booking.countUsage(attempt.prompt, attempt.text));
    return {
      id: booking.newId(),
      requestId,
      at: attempt.at,
      task,
      step: null,
      pipeline: null,
      key,
      team,
      model: model.name,
      provider: model.provider,
      servedModel: attempt.servedModel,
      tier: model.tier,
      purpose: 'judge',
      outcome: attempt.outcome,
      error: attempt.error,
      stop: attempt.stop,
      usage,
      usageSource: attempt.usage === null ? 'counted' : attempt.usageSource,
      ...booking.price(usage, attempt.at),
      latencyMs: attempt.latencyMs,
      firstTokenMs: null,
      streamed: false,
      confidence: null,
      decision: null,
      fingerprint: null,
      bodyHash: null,
      tags,
    };
  });
}
