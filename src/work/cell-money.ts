import { type NanoUsd, SmallfirstError } from '../core/index.ts';
import { type PipelineWorld, Purse, type StepAsk } from '../pipeline/index.ts';

/** What a cell may spend, in parts for the rows that are under way. */
export class CellMoney {
  #purse: Purse;
  #underWay = 0;
  readonly #width: number;

  /** Null is no limit. */
  constructor(budget: NanoUsd | null, width: number) {
    this.#purse = new Purse(budget);
    this.#width = width;
  }

  /** A part for a row; give it back. */
  take(): Purse {
    const part = this.#purse.take(Math.max(1, this.#width - this.#underWay));
    this.#underWay += 1;
    return part;
  }

  /** Gives back what a part has left after its spending; null is one that nobody knows. */
  giveBack(part: Purse, granted: NanoUsd | null, spent: NanoUsd | null): void {
    part.spend(spent, granted);
    this.#purse.join(part);
    this.#underWay -= 1;
  }
}

/** Where a step's or the pipeline's own limit is no larger than the row's part, a larger part would not help. */
function isOwnLimit({ pipeline, step }: StepAsk, granted: NanoUsd): boolean {
  return [pipeline.budget, step.budget, step.controller?.maxCost ?? null].some((limit) => limit !== null && limit <= granted);
}

/**
 * A world in which a step that the cell's part of the job's cap is too small for is no answer and no failure of its own: the row ends with
 * BUDGET_EXCEEDED also where the step may fail, and `onShort` hears of it.
 */
export function withinPart(world: PipelineWorld, granted: NanoUsd, onShort: () => void): PipelineWorld {
  return {
    now: world.now,
    costOf: (error) => world.costOf(error),
    answer: async (ask) => {
      const isOurs = !isOwnLimit(ask, granted);
      try {
        const answer = await world.answer(ask);
        if (!isOurs || answer.decision !== 'no-budget') return answer;
      } catch (error) {
        if (isOurs && error instanceof SmallfirstError && error.code === 'BUDGET_EXCEEDED') onShort();
        throw error;
      }
      onShort();
      throw new SmallfirstError('BUDGET_EXCEEDED', 'The cap of the job leaves too little for a better answer.');
    },
  };
}
