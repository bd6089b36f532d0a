import type { LockedCertificate, TaskConfig } from '../config/index.ts';
import type { Answer, Call, EpochMs, ModelRequest, NanoUsd } from '../core/index.ts';
import type { LiveMonitor } from '../life/index.ts';
import type { TaskPolicy } from './cascade-policy.ts';
import type { Afterward, CeilingReason } from './live-afterward.ts';
import type { LiveRequest } from './live-request.ts';

/** Who answers a request of a task, by its certificate and by what became of that in traffic. */
export interface Routing {
  readonly policy: TaskPolicy;
  /** Null where the policy's own word stands. */
  readonly reason: CeilingReason | null;
  /** Watches the certificate that routes; null where none does. */
  readonly watched: Watched | null;
}

/** A certificate in traffic, with the monitor that watches it. */
export interface Watched {
  readonly certificate: LockedCertificate;
  readonly monitor: LiveMonitor;
}

/** The life of tasks in traffic: what mode, canary, alarms and triage make of a policy, and what is learned from each answer. */
export interface TaskLife {
  /** Who answers, before anything is known of the request but its id. */
  route(task: TaskConfig, policy: TaskPolicy, requestId: string): Routing;
  /** Whether a trained triage sends a request past the small model. */
  isHard(task: TaskConfig, request: ModelRequest): boolean;
  /** What to do when the request is over; null for nothing. `request` is null where its bytes are passed on unread. */
  watch(subject: LiveRequest, routing: Routing, request: ModelRequest | null): Afterward | null;
}

/** One side of a pair: the row of a call and what was said. */
export interface Side {
  readonly row: Call;
  readonly answer: Answer;
}

/** How a task stands in traffic, as the admin API and the metrics tell it. */
export interface TaskStanding {
  readonly task: string;
  readonly mode: TaskConfig['mode'];
  /** Certificate of the lock; null without one. */
  readonly certificate: LockedCertificate | null;
  /** Whether the certificate may route, as far as its record was read. */
  readonly watched: boolean;
  /** Why the certificate does not route now; null while it does, and without one. */
  readonly voided: string | null;
  readonly monitor: LiveMonitor | null;
  readonly shadow: { readonly today: NanoUsd; readonly total: NanoUsd };
  readonly audits: { readonly today: NanoUsd; readonly total: NanoUsd };
  /** Since this process started. */
  readonly counts: { readonly shadowPairs: number; readonly auditPairs: number; readonly alarms: number };
  readonly at: EpochMs;
}
