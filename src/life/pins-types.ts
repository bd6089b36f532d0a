import type { Lock, ModelConfig, Pin, Pinning, TaskConfig } from '../config/index.ts';
import type { Deprecation } from '../config/types.ts';
import type { EpochMs } from '../core/index.ts';

/** What answered under a name of the registry. */
export interface ObservedModel {
  /** Name in the config. */
  readonly alias: string;
  readonly calls: number;
  /** The model that answers said they came from, newest; null where none said it. */
  readonly servedModel: string | null;
  /** Everything else that answered in the same span, oldest first. */
  readonly otherServedModels: readonly string[];
  /** The system_fingerprint of the newest answer that carried one; null where none did. */
  readonly systemFingerprint: string | null;
  /** Every one among the newest answers, sorted. */
  readonly systemFingerprints: readonly string[];
  readonly firstSeen: EpochMs;
  readonly lastSeen: EpochMs;
}

/** What a check of pins looks at. */
export interface PinWorld {
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly tasks: ReadonlyMap<string, TaskConfig>;
  readonly lock: Lock;
  /** By name of the model in the config. */
  readonly observed: ReadonlyMap<string, ObservedModel>;
  /** The user's own shutdown dates. */
  readonly deprecations: readonly Deprecation[];
  readonly now: EpochMs;
}

/** How near a shutdown is: at most so many days away; 0 once its day has come. */
export type ShutdownAlert = 90 | 30 | 7 | 0;

/** An announced shutdown, counted from now. */
export interface ComingShutdown {
  /** First day (UTC) on which calls may fail. */
  readonly on: string;
  /** Whole days until that day begins; negative once it is past. */
  readonly daysLeft: number;
  /** Null while it is further away than 90 days. */
  readonly alert: ShutdownAlert | null;
  readonly replacement: string | null;
  readonly source: string;
  readonly asOf: string;
}

/**
 * What was found about a model. `unpinned`: its name is one that the vendor moves. `served-model`, `fingerprint`: what answers is not
 * what was pinned. `wire-name`: the config names another model than the pin. `shutdown`, `past-shutdown`: it is turned off soon, or was.
 * `unobserved`: no answer has said what it is. `no-pin`: the lock file does not hold it.
 */
export type PinFindingKind =
  | 'unpinned'
  | 'served-model'
  | 'fingerprint'
  | 'wire-name'
  | 'shutdown'
  | 'past-shutdown'
  | 'unobserved'
  | 'no-pin';

export interface PinFinding {
  readonly kind: PinFindingKind;
  /** False for what is only worth knowing. */
  readonly needsPerson: boolean;
  /** One sentence: what it is, and what to do. */
  readonly message: string;
}

/** One model with everything that is known of its pin. */
export interface CheckedModel {
  readonly alias: string;
  readonly provider: string;
  /** Its name on the wire. */
  readonly model: string;
  readonly pinning: Pinning;
  /** Tasks that have it on their ladder. */
  readonly tasks: readonly string[];
  readonly pin: Pin | null;
  readonly observed: ObservedModel | null;
  readonly shutdown: ComingShutdown | null;
  readonly findings: readonly PinFinding[];
}
