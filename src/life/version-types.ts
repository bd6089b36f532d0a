import type { LockedCertificate } from '../config/index.ts';
import type { Certificate, EpochMs } from '../core/index.ts';
import type { TaskEvent } from '../store/types.ts';

/** Where a version of a model comes from. Null is not known. */
export interface Lineage {
  /** Trained from a task's own traces and run in this process, fine-tuned and called, or taken as it is. */
  readonly kind: 'student' | 'fine-tuned' | 'model';
  /** What pins it: the checksum of a student's files, else provider and name on the wire. */
  readonly hash: string | null;
  /** Hash of what it was trained on, and how many rows that was. */
  readonly dataset: string | null;
  readonly rows: number | null;
  /** Newest of what it was trained on: evidence begins after it. */
  readonly until: EpochMs | null;
  readonly trainedAt: EpochMs | null;
  /** Id of the job that made it. */
  readonly job: string | null;
  /** Hash of the prompt parts that it is asked without. */
  readonly prune: string | null;
}

/** A version as the config and its files tell it now. */
export interface KnownVersion {
  readonly model: string;
  readonly lineage: Lineage;
  readonly isOnLadder: boolean;
}

/**
 * Where a version stands. `trained`: nothing was asked of it yet. `refused`: worse on the golden set. `shadow`: pairs are collected.
 * `certified`: its certificate waits. `canary`, `live`: it answers a part or all of what its certificate allows. `superseded`: another
 * one took over, and it can come back. `rolled-back`: an alarm, the canary or a person took the task from it. `void`: its certificate
 * holds no more. `retired`: for good.
 */
export type VersionStage =
  | 'trained'
  | 'refused'
  | 'shadow'
  | 'certified'
  | 'canary'
  | 'live'
  | 'superseded'
  | 'rolled-back'
  | 'void'
  | 'retired';

/** What the golden set said of a version. */
export interface GoldenRecord {
  readonly at: EpochMs;
  readonly alarm: 'regression' | 'none';
  readonly n: number;
  readonly quality: number | null;
  /** The model that it was compared with, and that one's quality. */
  readonly trusted: string;
  readonly trustedQuality: number | null;
}

/** One version of a task's model, with everything that happened to it. */
export interface VersionRecord extends KnownVersion {
  readonly task: string;
  readonly stage: VersionStage;
  /** When it came to be so, and why. */
  readonly since: EpochMs | null;
  readonly reason: string;
  /** Share of the traffic that it may answer now, as its canary allows. */
  readonly exposure: number;
  readonly golden: GoldenRecord | null;
  /** Its newest certificate. */
  readonly certificate: Certificate | null;
  readonly voided: string | null;
  readonly promotedAt: EpochMs | null;
  /** When it lost the task, and why. */
  readonly endedAt: EpochMs | null;
  readonly endedBecause: string | null;
  readonly retiredAt: EpochMs | null;
  /** Pairs of it on record, and its newest call. */
  readonly pairs: number;
  readonly lastCallAt: EpochMs | null;
  /** What happened, oldest first. */
  readonly steps: readonly TaskEvent[];
}

/** Everything that a task's versions are told from. */
export interface VersionQuestion {
  readonly task: string;
  /** The ladder's last model: it is nobody's version. */
  readonly big: string | null;
  readonly isLive: boolean;
  readonly known: readonly KnownVersion[];
  /** Every event of the task, oldest first. */
  readonly events: readonly TaskEvent[];
  /** Every certificate of the task, newest first. */
  readonly certificates: readonly { readonly certificate: Certificate; readonly voided: { readonly reason: string } | null }[];
  readonly locked: LockedCertificate | null;
  readonly pairs: ReadonlyMap<string, number>;
  readonly lastCalls: ReadonlyMap<string, EpochMs>;
  readonly now: EpochMs;
}
