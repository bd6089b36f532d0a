import type { LockedCertificate } from '../config/index.ts';
import type { Model } from '../core/index.ts';
import type { ClientRequest, ModelClient } from '../providers/index.ts';
import type { Step } from '../run/index.ts';
import type { TaskPolicies } from './cascade-policy.ts';
import type { EscalationCaps } from './escalation-caps.ts';
import type { TaskLife } from './live-types.ts';
import type { TaskResolver } from './resolve.ts';
import type { TemplateBook } from './resolve-book.ts';
import type { SignalWatch } from './signal-watch.ts';

/** What tasks, cascades and translations need of the rest. */
export interface Steps {
  readonly resolver: TaskResolver;
  readonly policies: TaskPolicies;
  readonly life: TaskLife;
  readonly escalations: EscalationCaps;
  readonly signals: SignalWatch;
  readonly templates: Pick<TemplateBook, 'met'>;
  /** Every model of the config, those that answer in this process included. */
  readonly models: Iterable<Model>;
  /** Whether a model of the config answers in this process: a student, a recording. */
  isLocal(name: string): boolean;
  /** A model of the config by name. Throws MODEL_NOT_FOUND. */
  model(name: string): Model;
  /** The same, open. Throws MODEL_NOT_FOUND. */
  client(name: string): ModelClient;
  /** False while a model's breaker is open. */
  available(name: string): boolean;
}

/** A request that our own words can say, and who answers it. */
export interface StepPlan {
  readonly step: Step;
  readonly client: ClientRequest;
  /** Index of the rung to start at: a triage may pass over the small ones. */
  readonly startAt: number;
  /** Null where no task's confidence is needed. */
  readonly certificate: LockedCertificate | null;
  readonly fingerprint: string | null;
}
