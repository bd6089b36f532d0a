import type { KeptCalls } from '../batch/index.ts';
import type { Call, Model } from '../core/index.ts';
import type { StepAsk } from '../pipeline/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { callId } from './cell-journal.ts';
import type { Slots } from './slots.ts';

/** A cell under way: who keeps its calls, and the places that they share with other processes; null without a limit. */
export interface CellCalls {
  readonly kept: KeptCalls;
  /** Of the journal that keeps them. */
  readonly generation: string;
  readonly slots: Slots | null;
}

/** Stands between steps and models for every cell that is under way in this process: each row's calls are its own cell's. */
export class WorkCalls {
  readonly #cells = new Map<string, CellCalls>();
  readonly #isRemote: (model: Model) => boolean;

  /** `isRemote` tells models that are called over the network: only those share places. */
  constructor(isRemote: (model: Model) => boolean) {
    this.#isRemote = isRemote;
  }

  begin(runId: string, cell: CellCalls): void {
    this.#cells.set(runId, cell);
  }

  end(runId: string): void {
    this.#cells.delete(runId);
  }

  client(ask: StepAsk, model: Model, client: ModelClient): ModelClient {
    const cell = this.#cells.get(ask.run.id);
    if (cell === undefined) return client;
    const { kept, slots } = cell;
    return kept.client(ask, model, slots === null || !this.#isRemote(model) ? client : sharing(client, slots));
  }

  row(ask: StepAsk, row: Call): Call {
    const cell = this.#cells.get(ask.run.id);
    if (cell === undefined) return row;
    const kept = cell.kept.row(ask, row);
    return { ...kept, id: callId(kept.id, cell.generation) };
  }
}

/** A client whose calls wait for a place among those of all processes. */
function sharing(client: ModelClient, slots: Slots): ModelClient {
  return {
    ...(client.version === undefined ? {} : { version: client.version }),
    async *call(request, context) {
      const leave = await slots.enter(context.signal);
      try {
        yield* client.call(request, context);
      } finally {
        leave();
      }
    },
  };
}
