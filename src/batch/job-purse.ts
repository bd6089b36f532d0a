import type { PipelineConfig } from '../config/index.ts';
import { type NanoUsd, SmallfirstError } from '../core/index.ts';
import { type PipelineWorld, Purse, type StepAsk } from '../pipeline/index.ts';

/** A row's part of a job's money. */
export interface Share {
  readonly purse: Purse;
  /** Null is no limit. */
  readonly granted: NanoUsd | null;
  /** Nobody else had any: more than this cannot be had. */
  readonly isAll: boolean;
}

/**
 * The money of a job, shared by the rows that are under way so that together they cannot spend more than there is. A row whose part is too
 * small waits until others have given back what they did not need, and is given everything that is left then.
 */
export class JobPurse {
  readonly #purse: Purse;
  readonly #isCapped: boolean;
  readonly #width: number;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: NanoUsd | null, width: number) {
    this.#purse = new Purse(limit);
    this.#isCapped = limit !== null;
    this.#width = width;
  }

  get isCapped(): boolean {
    return this.#isCapped;
  }

  /** An equal part of what is left, or all of it. Give it back. */
  take(everything: boolean): Share {
    const purse = this.#purse.take(everything ? 1 : Math.max(1, this.#width - this.#underWay));
    const isAll = everything && this.#underWay === 0;
    this.#underWay += 1;
    return { purse, granted: purse.grant(null), isAll };
  }

  /** Gives back what a part has left after its spending; null is one that nobody knows. */
  giveBack({ purse, granted }: Share, spent: NanoUsd | null, isStarved: boolean): void {
    purse.spend(spent, granted);
    this.#purse.join(purse);
    this.#underWay -= 1;
    // What was too little for one is no more for the next: two that woke each other would never let anybody else on.
    if (!isStarved) this.#waiting.shift()?.();
  }

  /** Resolves when another row has ended and given its part back, at once where none is under way. */
  async othersEnd(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Nobody waits any more. */
  letGo(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A step's budget is no larger than its part of the job's money: what it lacks, a larger part would not give it. */
function isOwnLimit({ pipeline, step, budget }: StepAsk, granted: NanoUsd): boolean {
  const limits = [pipeline.budget, step.controller?.maxCost ?? null];
  if (limits.some((limit) => limit !== null && limit <= granted)) return true;
  if (step.budget === null) return false;
  return step.forEach === null ? budget !== null && step.budget <= budget : step.budget <= granted;
}

/**
 * A world in which an answer that money alone made worse, or that there was no money for, is none where the job's cap is to blame:
 * BUDGET_EXCEEDED, also where the step may fail. `onStarved` hears of it.
 */
export function withinShare(world: PipelineWorld, granted: NanoUsd, onStarved: () => void): PipelineWorld {
  return {
    now: world.now,
    costOf: (error) => world.costOf(error),
    answer: async (ask) => {
      const isOurs = !isOwnLimit(ask, granted);
      try {
        const answer = await world.answer(ask);
        if (!isOurs || answer.decision !== 'no-budget') return answer;
      } catch (error) {
        if (isOurs && error instanceof SmallfirstError && error.code === 'BUDGET_EXCEEDED') onStarved();
        throw error;
      }
      onStarved();
      throw new SmallfirstError('BUDGET_EXCEEDED', 'The cap of the job leaves too little for a better answer.');
    },
  };
}

/** The same pipeline in a job: time to answer is for somebody who waits, and rows wait for their place in line. */
export function inBulk(pipeline: PipelineConfig): PipelineConfig {
  return { ...pipeline, deadlineMs: null };
}
