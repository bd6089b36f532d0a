import type { Certificate, EpochMs } from '../core/index.ts';
import type { CovariateShift, RetainedEstimate } from '../monitor/index.ts';

/** The parts of a certificate that its monitoring depends on. */
export type WatchedCertificate = Pick<Certificate, 'id' | 'task' | 'verdict' | 'threshold' | 'accepted' | 'floor'>;

/** How a certificate is watched in traffic. A change of `auditShare`, `stages` or `auditsPerStage` is recorded as an event. */
export interface LiveSettings {
  /** Share of all accepted answers to audit, in (0, 1]. While a canary routes less, its own answers are audited that much more. */
  readonly auditShare: number;
  /** Shares of traffic, rising, the last 1; empty routes all at once. */
  readonly stages: readonly number[];
  /** Weighted audits of accepted answers that a stage takes at least. */
  readonly auditsPerStage: number;
  /** Stricter thresholds to fall back on, provisionally; those not above the certificate's are ignored. */
  readonly saferThresholds: readonly number[];
}

/** What may answer: by the certificate, by a safer threshold without one, or the ceiling alone. */
export type Standing = 'certified' | { readonly provisional: number } | 'ceiling';

/** Where events get their identity from. */
export interface EventSource {
  readonly newId: () => string;
  readonly now: () => EpochMs;
}

/** All that a monitor knows, for people. Plain JSON. */
export interface LiveSnapshot {
  readonly certificate: string;
  readonly standing: Standing;
  readonly exposure: number;
  readonly canary: {
    readonly state: 'running' | 'complete' | 'rolled-back';
    /** From 0. */
    readonly stage: number;
    readonly stages: readonly number[];
    /** Weighted audits in this stage, and those that it takes. */
    readonly audits: number;
    readonly auditsPerStage: number;
    /** E of the harm process, and the limit from which it rolls back. */
    readonly harm: number;
    readonly limit: number;
  };
  /** The detector of the certified policy since its last restart. */
  readonly detector: { readonly e: number; readonly peak: number; readonly limit: number; readonly rows: number };
  readonly safer: readonly { readonly threshold: number; readonly e: number }[];
  readonly audit: {
    /** Mean audit probability of accepted answers now, and π_min. */
    readonly share: number;
    readonly minimum: number;
    readonly strata: readonly { readonly from: number | null; readonly probability: number }[];
    readonly rows: number;
    readonly accepted: number;
    /** Rows that could not be read: a quality outside of 0…1. */
    readonly unreadable: number;
  };
  readonly estimate: RetainedEstimate | null;
  readonly covariates: readonly CovariateShift[];
}
