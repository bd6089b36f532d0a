import type { ModelConfig } from '../config/index.ts';
import type { EpochMs, ErrorCode, Outcome, StopReason, Usage, UsageSource } from '../core/index.ts';
import type { ModelClient } from '../providers/index.ts';

/** A model that judges by a rubric. */
export interface Judge {
  readonly model: Pick<ModelConfig, 'name' | 'capabilities' | 'parameters'>;
  readonly client: ModelClient;
  /** What a good answer is, in the words of the task's owner. */
  readonly rubric: string;
}

/** What surrounds one judgement. */
export interface JudgeContext {
  readonly signal: AbortSignal | null;
  /** Under which a recorded judge finds its answer; null looks it up by input. */
  readonly itemId?: string | null;
}

/** An answer to be scored by itself. */
export interface JudgeQuestion extends JudgeContext {
  readonly judge: Judge;
  /** The request that was answered. */
  readonly input: string;
  readonly answer: string;
  /** A right answer, where one is known. */
  readonly reference?: string | null;
}

/** One call to the judge: enough to book it as a row. */
export interface JudgeAttempt {
  readonly at: EpochMs;
  readonly prompt: string;
  readonly text: string;
  readonly servedModel: string | null;
  /** Null when the provider reported none. */
  readonly usage: Usage | null;
  readonly usageSource: UsageSource;
  readonly stop: StopReason | null;
  /** Null for a recording. */
  readonly latencyMs: number | null;
  /** `observed` gave a verdict; `invalid`, `truncated` and `refused` are replies without one. */
  readonly outcome: Extract<Outcome, 'observed' | 'invalid' | 'truncated' | 'refused' | 'failed' | 'aborted'>;
  readonly error: ErrorCode | null;
}

/** What became of asking a judge: a verdict, or why there is none, and what it took. */
export interface Asked<Verdict> {
  readonly verdict: Verdict | null;
  /** In one sentence; null where there is a verdict. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
  /** Replies that could not be read as a verdict. */
  readonly parseFailures: number;
  readonly attempts: readonly JudgeAttempt[];
}

/** A score of one answer, 0..1 by the rubric, and the judge's reason. */
export interface Score {
  readonly score: number;
  readonly reason: string;
}

/** An answer as a judge scored it. */
export interface Judgement extends Omit<Asked<Score>, 'verdict'> {
  /** 0..1; null where the judge gave none. */
  readonly score: number | null;
  readonly reason: string | null;
}
