import type { LockedCertificate, TaskConfig } from './config/index.ts';
import type { EpochMs, Floor, ModelRequest } from './core/index.ts';
import { pastEscalationCap, type Routing, type Steps, type TaskPolicy } from './gateway/index.ts';
import type { StepAsk } from './pipeline/index.ts';

/** Who may answer a step. */
export interface StepPolicy {
  readonly policy: TaskPolicy;
  /** Index of the rung to start at: a triage may pass over the small ones. */
  readonly startAt: number;
  /** What is to be learned from beside the answer; null where nothing is. */
  readonly watched: Routing | null;
  /** Why the ceiling answers although a certificate is in force; null where the ladder's own word stands. */
  readonly reason: Routing['reason'];
  /** The step names its one model; null where its ladder is asked. */
  readonly alone: Alone | null;
}

/** What a model that was asked alone would have had to reach on its ladder; null where nothing licenses it there. */
export interface Alone {
  readonly threshold: number | null;
}

/** The part of a gateway's steps that says who may answer. */
export type PolicySteps = Pick<Steps, 'policies' | 'life' | 'escalations' | 'model'>;

/**
 * Who may answer a step now, as a request of its own would be answered: by the task's certificate, its canary, what became of it in
 * traffic, its cap on escalations and its triage. A step that names one model asks that one alone; the certificate still says what its
 * confidence is worth. `task` has the step's own ladder, where it has one.
 */
export function stepPolicy(task: TaskConfig, request: ModelRequest, ask: StepAsk, steps: PolicySteps, now: EpochMs): StepPolicy {
  const { model, floor, ladder } = ask.step;
  // A certificate that does not fit a step's own ladder is void here, and nowhere else.
  const standing = steps.policies.policyOf(task, null, now, { isTold: ladder === null });
  const keepsFloor = floor === null || !standing.isRouted || keeps(standing.certificate, floor);
  const routing = keepsFloor ? steps.life.route(task, standing, ask.run.id) : atCeiling(standing);
  if (model !== null) return named(model, task, routing.policy, steps);
  const { isRouted } = routing.policy;
  if (isRouted && steps.escalations.isReached(task)) {
    const { policy, reason } = pastEscalationCap(routing);
    return { policy, startAt: 0, watched: null, reason, alone: null };
  }
  const isHard = isRouted && steps.life.isHard(task, request);
  const followed: Routing = isHard ? { ...routing, reason: 'triaged' } : routing;
  const { policy, reason } = followed;
  return { policy, startAt: isHard ? policy.step.ladder.length - 1 : 0, watched: followed, reason, alone: null };
}

function named(model: string, task: TaskConfig, followed: TaskPolicy, { model: find }: PolicySteps): StepPolicy {
  const certificate = followed.certificate?.small === model ? followed.certificate : null;
  const licence = followed.step.ladder.find((rung) => rung.model.name === model)?.licence;
  const isLicensed = licence !== undefined && licence.kind !== 'uncertified' && model !== task.ladder.at(-1);
  const rung = { model: find(model), licence: { kind: 'certified' as const, threshold: null } };
  return {
    policy: { ...followed, certificate, step: { ...followed.step, ladder: [rung] } },
    startAt: 0,
    watched: null,
    reason: null,
    // A swap accepts whatever its model says: nothing need be reached.
    alone: { threshold: isLicensed ? Math.max(0, licence.threshold ?? 0) : null },
  };
}

function atCeiling(policy: TaskPolicy): Routing {
  const { step } = policy;
  return { policy: { step: { ...step, ladder: step.ladder.slice(-1) }, isRouted: false, certificate: null }, reason: null, watched: null };
}

/** Whether a certificate promises at least a floor. A person's threshold promises none. */
function keeps(certificate: LockedCertificate | null, floor: Floor): boolean {
  return certificate !== null && certificate.floor.retain >= floor.retain && certificate.floor.level >= floor.level;
}
