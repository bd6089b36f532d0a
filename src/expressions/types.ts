import type { Json } from '../core/index.ts';

/** A place in the scope that an expression reads: `['classify', 'output', 'items']`. */
export type Reference = readonly (string | number)[];

/** What later steps may read of a step; absent or null where it did not run or has none. */
export interface StepFacts {
  readonly output?: Json;
  readonly label?: string | null;
  /** Calibrated P(right), 0..1; counts as 0 where it is missing. */
  readonly confidence?: number | null;
  /** The confidence that the answering rung had to meet; counts as 1 where it is missing. */
  readonly threshold?: number | null;
}

/** What conditions and templates are evaluated over. */
export interface ConditionScope {
  /** What the caller says of the run: from the API's `request` field or a command's flags, never from a model. */
  readonly request: Readonly<Record<string, Json>>;
  /** The run's own input: `input.text` and whatever else came with it. */
  readonly input: Readonly<Record<string, Json>>;
  /** Outcomes of the steps so far, by name. */
  readonly steps: Readonly<Record<string, StepFacts>>;
}

/** The same, within one item of a fan-out. */
export interface TemplateScope extends ConditionScope {
  readonly item?: Json;
  readonly index?: number;
}
