import type { PipelineConfig, PipelineStep } from '../../config/index.ts';
import { ZERO_USD } from '../../core/index.ts';
import type { PipelineWorld, StepAnswer, StepAsk } from '../../pipeline/index.ts';
import { Parked } from './batch-calls.ts';

/** Stands for the answer of a step that is not there yet: nothing that depends on it is asked. */
const NOT_YET: StepAnswer = {
  output: null,
  isLabel: false,
  confidence: null,
  threshold: null,
  model: '',
  tier: 'small',
  decision: 'parked',
  cost: ZERO_USD,
  calls: 0,
  escalated: false,
  latencyMs: null,
  usage: null,
};

/**
 * One row as far as its answers go. A step without one does not end the run: the other branches beside it and the other items of its
 * fan-out ask what they can ask, so that one batch takes all of it. What comes after is not asked.
 */
export class Rehearsal {
  /** Steps that wait for an answer. */
  readonly #waiting = new Set<string>();
  readonly world: PipelineWorld;

  constructor(world: PipelineWorld) {
    this.world = { now: world.now, costOf: (error) => world.costOf(error), answer: (ask) => this.#answer(ask, world) };
  }

  /** A call of the row has no answer yet. */
  get isParked(): boolean {
    return this.#waiting.size > 0;
  }

  async #answer(ask: StepAsk, world: PipelineWorld): Promise<StepAnswer> {
    if (!this.#mayAsk(ask)) return NOT_YET;
    try {
      return await world.answer(ask);
    } catch (error) {
      if (!isParked(error)) throw error;
      this.#waiting.add(ask.step.name);
      return NOT_YET;
    }
  }

  #mayAsk({ step, pipeline, index }: StepAsk): boolean {
    if (this.#waiting.size === 0) return true;
    if (index !== null && this.#waiting.has(step.name))
      return isApart(
        step,
        [...this.#waiting].filter((name) => name !== step.name),
        pipeline,
      );
    return isApart(step, [...this.#waiting], pipeline);
  }
}

/** Whether a step lies in another branch, beside each of the steps that wait. */
function isApart(step: PipelineStep, waiting: readonly string[], { nodes }: PipelineConfig): boolean {
  if (waiting.length === 0) return true;
  for (const node of nodes) {
    if (node.kind !== 'parallel') continue;
    const own = node.branches.find((branch) => branch.some(({ name }) => name === step.name));
    if (own === undefined) continue;
    const beside = node.branches.flatMap((branch) => (branch === own ? [] : branch.map(({ name }) => name)));
    return waiting.every((name) => beside.includes(name));
  }
  return false;
}

function isParked(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof Parked) return true;
  return false;
}
