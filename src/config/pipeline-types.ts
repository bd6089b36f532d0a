import type { Floor, NanoUsd } from '../core/index.ts';
import type { Condition, ListExpression, Template } from '../expressions/index.ts';

/** A step that plans and delegates. */
export interface ControllerConfig {
  readonly model: string;
  readonly tasks: readonly string[];
  readonly instructions: Template | null;
  readonly maxCalls: number;
  readonly maxTurns: number;
  readonly maxRepeats: number;
  readonly maxDepth: number;
  /** Null leaves it to the step's budget. */
  readonly maxCost: NanoUsd | null;
}

/** What a step's input is made of; a mapping becomes one JSON object. */
export type InputMapping = Template | ReadonlyMap<string, Template>;

/** A task's place in a pipeline. */
export interface PipelineStep {
  readonly kind: 'step';
  readonly name: string;
  /** Null for a controller, which delegates to tasks. */
  readonly task: string | null;
  /** Null takes the text of the run's input. */
  readonly input: InputMapping | null;
  /** Null runs it always. */
  readonly when: Condition | null;
  /** Null runs it once. */
  readonly forEach: ListExpression | null;
  readonly atMost: number;
  /** The one model that answers; null asks the ladder. */
  readonly model: string | null;
  /** Null takes the task's. */
  readonly ladder: readonly string[] | null;
  /** Null takes the task's. */
  readonly floor: Floor | null;
  readonly budget: NanoUsd | null;
  /** As what its calls are booked. */
  readonly purpose: 'answer' | 'polish';
  readonly onFailure: 'stop' | 'continue';
  readonly controller: ControllerConfig | null;
}

/** Branches that run side by side; none reads another's outcome. */
export interface PipelineBranches {
  readonly kind: 'parallel';
  readonly branches: readonly (readonly PipelineStep[])[];
}

/** A pipeline of the config, checked as a whole: every name exists, every expression was read. */
export interface PipelineConfig {
  readonly name: string;
  readonly nodes: readonly (PipelineStep | PipelineBranches)[];
  /** Every step, in the order of the file. */
  readonly steps: readonly PipelineStep[];
  /** Null answers with the output of the last step that ran. */
  readonly output: Template | null;
  readonly budget: NanoUsd | null;
  readonly deadlineMs: number | null;
}
