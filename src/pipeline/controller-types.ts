import type { Answer, ModelRequest, NanoUsd, Tier, Usage } from '../core/index.ts';
import type { StepAnswer, StepAsk } from './types.ts';

/** A task that may be delegated to, as the planning model is told. */
export interface DelegableTask {
  readonly name: string;
  /** What it answers, for people. */
  readonly output: string;
  /** US dollars that a call is likely to cost at its cheapest rung; null when not known. */
  readonly usdPerCall: number | null;
}

/** One turn of the planning model. */
export interface PlanTurn {
  readonly answer: Answer;
  readonly tier: Tier;
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
  /** As it was booked, counted where the provider said nothing. */
  readonly usage: Usage | null;
}

/** The world that a controller acts in. */
export interface ControllerWorld {
  /** Asks the planning model once. Rejects with a SmallfirstError. */
  plan(request: ModelRequest, model: string, ask: StepAsk): Promise<PlanTurn>;
  /** The most that asking the planning model so can cost; null when it has no price. */
  worstOfPlan(request: ModelRequest, model: string): NanoUsd | null;
  /** Answers a task through its own ladder. Rejects with a SmallfirstError. */
  task(name: string, ask: StepAsk): Promise<StepAnswer>;
  describe(task: string): DelegableTask;
  /** What tokens cost at a model; null when it has no price. */
  priceAt(model: string, used: Usage): NanoUsd | null;
  /** What a call that failed has cost. */
  costOf(error: unknown): NanoUsd | null;
  /** Keeps what something that failed has cost in all. */
  failed(error: unknown, cost: NanoUsd | null): void;
}
