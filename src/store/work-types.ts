import type { EpochMs, Json, NanoUsd } from '../core/index.ts';

/** How a job of bulk work stands. */
export type WorkState = 'running' | 'paused' | 'cancelled' | 'done';

/** A row of a job, as it was read. */
export interface WorkRow {
  /** Position in the input, from 0. */
  readonly ordinal: number;
  readonly line: number | null;
  readonly id: string | number;
  readonly input: Readonly<Record<string, Json>>;
  /** Why the row cannot be run; null for a good one. */
  readonly problem: string | null;
}

/** A job that many machines may work on, as it is kept. */
export interface WorkJob {
  /** UUID version 7: everything that the job asks follows from it. */
  readonly id: string;
  readonly pipeline: string;
  /** Of the steps, and of what else decides over their answers: only workers with the same take its cells. */
  readonly pipelineHash: string;
  /** Where the input was read, for people, and what tells another version of it. */
  readonly input: string;
  readonly inputVersion: string;
  /** What is said of every row's request. */
  readonly request: Readonly<Record<string, Json>>;
  readonly state: WorkState;
  /** Why it is paused: `max-cost`, or what a person said; null otherwise. */
  readonly reason: string | null;
  /** Every row of the input is here. */
  readonly isLoaded: boolean;
  readonly createdAt: EpochMs;
  readonly finishedAt: EpochMs | null;
  /** Calls that may be under way together, over all workers; null is no limit. */
  readonly concurrency: number | null;
  readonly maxCost: NanoUsd | null;
  /** What its workers told of, and what cells that are under way may still spend. */
  readonly spent: NanoUsd;
  readonly reserved: NanoUsd;
  /** A call of it had no price: then `spent` is too little. */
  readonly isUnpriced: boolean;
  /** Rows that are here, done or not. */
  readonly rows: number;
  readonly done: number;
  readonly failed: number;
  readonly escalated: number;
  /** Rows that were answered a second time and whose second answer was dropped. */
  readonly duplicates: number;
  /** Cells that are left to do, and those of them that a worker holds. */
  readonly cellsLeft: number;
  readonly cellsHeld: number;
}

/** What a new job says of itself. */
export type NewWorkJob = Pick<
  WorkJob,
  'id' | 'pipeline' | 'pipelineHash' | 'input' | 'inputVersion' | 'request' | 'createdAt' | 'concurrency' | 'maxCost'
>;

/** Who holds a cell: the job, its number, and a token that no other holder has. */
export interface CellHold {
  readonly job: string;
  readonly cell: number;
  readonly attempt: string;
}

/** What came of asking for a cell. */
export type CellGrant =
  /** It is ours until the lease ends: rows without a result, and what they may spend (null is no limit). */
  | {
      readonly kind: 'granted';
      readonly job: Pick<WorkJob, 'id' | 'pipeline' | 'request' | 'concurrency' | 'maxCost'>;
      readonly rows: readonly WorkRow[];
      readonly attempts: number;
      readonly budget: NanoUsd | null;
    }
  /** Somebody else holds it, or all the money that is left: ask again after so long. */
  | { readonly kind: 'held'; readonly forMs: number }
  /** There is nothing to do: it is done, or its job is paused, cancelled or out of money. */
  | { readonly kind: 'nothing' };

/** How a row of a cell ended. */
export interface RowResult {
  readonly ordinal: number;
  /** Its line for the output, or for the side file. */
  readonly line: string;
  readonly isError: boolean;
  readonly escalated: boolean;
  /** What was spent on it; null when a call is unpriced. */
  readonly spent: NanoUsd | null;
  /** A row that failed and can be asked again; null for others. */
  readonly retryRow: WorkRow | null;
}

/** What a holder tells of its cell. */
export interface CellNews {
  readonly results: readonly RowResult[];
  /** What rows without a result cost. */
  readonly alsoSpent: NanoUsd;
  /** These were the last: the cell is removed, and with the last cell the job is done. Nothing is removed that somebody else holds. */
  readonly endedAt: EpochMs | null;
}

/** A row's result, as it is collected. */
export interface CollectedRow {
  readonly ordinal: number;
  readonly isError: boolean;
  readonly line: string;
}

/** Bulk work in PostgreSQL: the truth of which rows are done. A queue beside it only says who may look at what next. */
export interface WorkStore {
  add(job: NewWorkJob): Promise<void>;
  /** Newest first. */
  list(limit: number): Promise<readonly WorkJob[]>;
  /** A job by its id, or by the beginning of it where only one job begins so. */
  find(id: string): Promise<WorkJob | null>;
  /**
   * Adds rows that follow those that are there, as cells of at most `size`; what is there already is left alone. INPUT_NOT_FOUND without
   * the job. Returns cells that are left to do.
   */
  addRows(job: string, rows: readonly WorkRow[], size: number): Promise<number>;
  /** Says that every row of the input is there. */
  loaded(job: string, at: EpochMs): Promise<void>;
  cellsLeft(job: string): Promise<number>;
  /** Cells of running jobs that nobody holds, of these versions of pipelines, jobs by turns. */
  waiting(
    pipelineHashes: readonly string[],
    limit: number,
  ): Promise<readonly { readonly job: string; readonly cell: number; readonly pipelineHash: string }[]>;
  /** Cells of running jobs of these versions of pipelines, held ones too. */
  left(pipelineHashes: readonly string[]): Promise<number>;
  /** Asks for a cell. With a budget in the job, one `share`-th of what is left is reserved; what the holder before had is given back. */
  begin(hold: CellHold, lease: { readonly ms: number; readonly share: number }): Promise<CellGrant>;
  /** Holds on to cells; returns the attempts that are still the holders', each of a running job. */
  renew(holds: readonly CellHold[], leaseMs: number): Promise<ReadonlySet<string>>;
  /**
   * Keeps results, each row's first one only, and books what was spent, second answers too. Told twice of the same it keeps and books them
   * once. Returns how the job stood.
   */
  keep(hold: CellHold, news: CellNews): Promise<WorkState>;
  /** Reserves everything that is left for a cell, and says what others have reserved. `budget` is null without a limit. */
  widen(hold: CellHold): Promise<{ readonly budget: NanoUsd | null; readonly others: NanoUsd }>;
  /** Lets go of a cell that is not done, so that others may take it; `counts` whether this was an attempt. */
  release(hold: CellHold, counts: boolean): Promise<void>;
  /** Stops handing out cells. USAGE for a job that is not running. */
  pause(job: string, reason: string): Promise<void>;
  /** Goes on with a paused job, with another cap where one is given. USAGE for a job that is not paused, and for a cap that is spent. */
  resume(job: string, maxCost: NanoUsd | null): Promise<void>;
  /** Gives up what is left to do. Results stay. USAGE for a job that is done. */
  cancel(job: string, at: EpochMs): Promise<void>;
  /** Makes new cells of the rows that failed; returns how many. USAGE for a cancelled job. */
  retry(job: string, size: number): Promise<number>;
  /** Results in the order of the input, from after an ordinal. */
  results(job: string, after: number, limit: number): Promise<readonly CollectedRow[]>;
  close(): Promise<void>;
}
