import type { App } from '../../app.ts';
import type { Config, Lock, LockedCertificate, ModelConfig, TaskConfig } from '../../config/index.ts';
import type { Clock, EpochMs } from '../../core/index.ts';
import type { Lineage, PromotionFigures, PromotionGate, VersionRecord } from '../../life/index.ts';
import type { CommandIo } from '../io.ts';
import type { TrainedRows } from './promote-evidence.ts';

export interface ModelsPromoteOptions {
  readonly config: string;
  readonly data: string;
  readonly task: string;
  /** The rows that it was trained on: their requests, and those next to the same, are no evidence. */
  readonly trainedOn?: string;
  /** Newest of what it was trained on, where that is earlier than the training; needs `trainedOn`. */
  readonly cutoff?: string;
  readonly maxP95LatencyRatio: number;
  /** Looks although the schedule would wait for more pairs: it spends the next share of the error. */
  readonly look?: boolean;
  /** US dollars that asking the golden set may cost. */
  readonly maxCost?: number;
  readonly concurrency?: number;
  readonly write?: boolean;
  readonly json: boolean;
}

/** A version on its way through the gate. */
export interface Candidate {
  readonly task: TaskConfig;
  readonly model: ModelConfig;
  readonly lineage: Lineage;
  /** Evidence begins after it; null for a model that was not trained on this traffic. */
  readonly until: EpochMs | null;
  readonly rows: TrainedRows | null;
  readonly record: VersionRecord;
  /** The task's certificate in the lock file; null for none. */
  readonly locked: LockedCertificate | null;
  /** The same where another version answers by it now: not after an alarm, and not where it is void. */
  readonly incumbent: LockedCertificate | null;
}

/** What the gate works with. */
export interface PromoteWorld {
  readonly app: App;
  readonly config: Config;
  readonly lock: Lock;
  readonly options: ModelsPromoteOptions;
  readonly io: CommandIo;
  readonly clock: Clock;
}

/** Where a version stands after the gate. `ready`: everything passed, and nothing was written. */
export type PromoteOutcome = 'refused' | 'not-enough' | 'ready' | 'promoted' | 'canary' | 'live' | 'stopped';

/** What the gate found. */
export interface PromoteReport {
  readonly outcome: PromoteOutcome;
  /** One sentence for people. */
  readonly reason: string;
  readonly gates: readonly PromotionGate[];
  /** Null where a certificate waits already, and for a version that has the task. */
  readonly evidence: {
    readonly n: number;
    readonly size: number;
    readonly k: number;
    readonly morePairs: number;
    readonly replayed: number;
  } | null;
  readonly certificate: LockedCertificate | null;
  readonly figures: PromotionFigures | null;
  readonly diff: string;
}
