import type { EpochMs, ErrorCode } from '../core/index.ts';
import type { StoreLocation } from '../store/index.ts';
import type { SpoolPosition } from './spool-folder.ts';

export type { StoreLocation };

/** How long things are kept, in milliseconds; null keeps them for good. */
export interface Retention {
  readonly bodiesMs: number | null;
  /** Rows of calls; bills keep what they add up to. */
  readonly callsMs: number | null;
}

/** What an ingest is told, as data: it may run in another thread. */
export interface IngestSettings {
  /** Folder of the spool. */
  readonly folder: string;
  /** The first segment that this process writes: older ones were left by others, and nobody writes them any more. */
  readonly liveFrom: number;
  /** How long new rows may wait for company; many find it sooner. */
  readonly intervalMs: number;
  readonly retention: Retention;
}

/** What the thread of an ingest is started with. */
export interface IngestThreadData {
  readonly settings: IngestSettings;
  readonly store: StoreLocation;
}

/** What the thread is told: to look now, or to take what is left and end. The writer has closed its last segment before `end`. */
export type IngestOrder = 'hurry' | 'end';

/** Why rows wait. */
export interface IngestTrouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at: EpochMs;
}

/** How far an ingest has come. Counts are of lines, since it started. */
export interface IngestReport {
  readonly position: SpoolPosition;
  /** What others had left when it started. */
  readonly leftRows: number;
  readonly leftBytes: number;
  /** Done with, one way or the other: in the store, set aside, or torn. */
  readonly takenRows: number;
  readonly takenBytes: number;
  readonly rejectedRows: number;
  /** Lines that a crash tore: they were never acknowledged, and are in no other count. */
  readonly tornLines: number;
  readonly prunedBodies: number;
  readonly prunedCalls: number;
  /** Null while all is well. */
  readonly trouble: IngestTrouble | null;
  /** When the oldest row was recorded that the trouble keeps waiting; null without trouble. */
  readonly waitingSince: EpochMs | null;
}
