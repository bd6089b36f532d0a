import type { PipelineConfig, PipelineStep } from '../config/index.ts';
import type { EpochMs, ErrorCode, Json, NanoUsd, Tier, Usage } from '../core/index.ts';
import type { AnswerListener, Origin } from '../run/index.ts';

/** One run of a pipeline: what it is about, and what bounds it. */
export interface PipelineRun {
  /** One id for everything that the run causes: its calls share it in the record. */
  readonly id: string;
  /** Under which recordings find their answers; null where there is none. */
  readonly itemId: string | null;
  /** `text`, and whatever else the caller sends with it. */
  readonly input: Readonly<Record<string, Json>>;
  /** What the caller says about the run, such as `customerFacing`. Never from a model. */
  readonly request: Readonly<Record<string, Json>>;
  /** Null leaves it to the pipeline's own. */
  readonly budget: NanoUsd | null;
  readonly deadlineAt: EpochMs | null;
  readonly signal: AbortSignal | null;
  readonly origin: Origin;
}

/** What a step asks of the world: a task's ladder, or a controller that delegates. */
export interface StepAsk {
  readonly run: PipelineRun;
  readonly pipeline: PipelineConfig;
  readonly step: PipelineStep;
  readonly input: string;
  /** The step is one item of a fan-out. */
  readonly index: number | null;
  readonly budget: NanoUsd | null;
  readonly deadlineAt: EpochMs | null;
  /** Hears the answer as it is written; null where nobody listens. */
  readonly listener: AnswerListener | null;
}

/** What came of it. */
export interface StepAnswer {
  /** The label, the parsed JSON or the text; null for an answer that is no valid one. */
  readonly output: Json;
  /** The answer is a label. */
  readonly isLabel: boolean;
  /** Calibrated P(right); null when there is none. */
  readonly confidence: number | null;
  /** What the answering model must reach to be accepted; null without a certificate or a person's number. */
  readonly threshold: number | null;
  readonly model: string;
  readonly tier: Tier;
  readonly decision: string;
  /** Of all attempts; null when one of them is unpriced. */
  readonly cost: NanoUsd | null;
  /** Calls that were made, escalations among them. */
  readonly calls: number;
  readonly escalated: boolean;
  readonly latencyMs: number | null;
  /** Tokens of the answering attempt; null for a controller, which has many. */
  readonly usage: Usage | null;
  /** What a controller did and saved; absent for tasks. */
  readonly plan?: Json;
}

/** The world that a pipeline runs in. */
export interface PipelineWorld {
  readonly now: () => EpochMs;
  /**
   * Answers a step. Rejects with a SmallfirstError, ABORTED and DEADLINE_EXCEEDED among them; what was spent until then is told by
   * `costOf(error)`.
   */
  answer(ask: StepAsk): Promise<StepAnswer>;
  /** What a step that failed has cost; null when a call of it is unpriced. */
  costOf(error: unknown): NanoUsd | null;
}

/** Hears a run as it goes on. Everything is optional to hear, and nothing may throw. */
export interface PipelineListener {
  stepStarted(name: string): void;
  stepSkipped(name: string): void;
  stepEnded(name: string, record: StepRecord): void;
  /** Asked for the step whose words are the run's own answer, before it starts; null wants no words. */
  words(name: string): AnswerListener | null;
}

/** A step that ran, as it is kept and shown. */
export interface StepRecord {
  readonly output: Json;
  readonly label?: string;
  readonly confidence: number | null;
  readonly threshold: number | null;
  /** Null where the step failed before any model answered, and for a fan-out over nothing. */
  readonly model: string | null;
  readonly tier: Tier | null;
  readonly decision: string;
  readonly cost: NanoUsd | null;
  readonly calls: number;
  readonly escalated: boolean;
  readonly latencyMs: number | null;
  /** The condition could not be evaluated, and the step ran for that reason. */
  readonly conditionError?: string;
  /** The step failed, and the run went on. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** Answers of a fan-out, in the order of its list. */
  readonly items?: readonly StepAnswer[];
  readonly plan?: Json;
}

/** A run that came to its end. */
export interface PipelineResult {
  readonly id: string;
  /** Steps that ran, in the order in which they ended. */
  readonly steps: ReadonlyMap<string, StepRecord>;
  /** Steps whose condition was false. */
  readonly skipped: readonly string[];
  readonly output: Json;
  /** Of all steps; null when a call is unpriced. */
  readonly cost: NanoUsd | null;
  readonly calls: number;
  readonly escalated: number;
  readonly latencyMs: number;
}
