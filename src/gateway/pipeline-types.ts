import type { PipelineConfig, TaskConfig } from '../config/index.ts';
import type { Answer, Call, ModelRequest, NanoUsd } from '../core/index.ts';
import type { PipelineWorld, StepAsk } from '../pipeline/index.ts';
import type { Routing } from './live-types.ts';

/** Something that a step is about to ask a ladder, or a plan its model. */
export interface Asking {
  readonly ask: StepAsk;
  /** Null for a planning model. */
  readonly task: TaskConfig | null;
  readonly request: ModelRequest;
  /** Who answers by the task's certificate; null where the step itself names who does. */
  readonly routing: Routing | null;
  /** The most that it can cost at all rungs together; null where one of them has no known price. */
  readonly worst: () => NanoUsd | null;
}

/** Goes with one asking until its answer is there. */
export interface AskingWatch {
  /** The key of the request's text in the store; null where it is not kept. */
  readonly bodyHash: string | null;
  /** Takes each row at once. */
  record(row: Call, said: Answer): void;
  /** Nothing more will be asked for it. Called once. */
  ended(): void;
}

/** Who answers for what steps ask: pays, books, and learns from it. */
export interface StepHost {
  /** Tokens that any answer may have at most; null where only tasks and models limit them. */
  readonly outputLimit: number | null;
  /** Money is set aside for each answer, so that its length must be limited. */
  readonly isLimited: boolean;
  /** Throws BUDGET_EXCEEDED and BUDGET_UNPRICED. */
  begin(asking: Asking): AskingWatch;
}

/** Pipelines that are served. */
export interface Pipelines {
  readonly configs: ReadonlyMap<string, PipelineConfig>;
  readonly tasks: ReadonlyMap<string, TaskConfig>;
  /** The world that one run's steps ask in. */
  world(host: StepHost): Promise<PipelineWorld>;
}
