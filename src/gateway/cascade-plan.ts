import type { TaskConfig } from '../config/index.ts';
import { type ModelRequest, SmallfirstError } from '../core/index.ts';
import type { Upstream } from '../providers/index.ts';
import { stepOf } from './cascade.ts';
import type { TaskPolicy } from './cascade-policy.ts';
import { needOf } from './cascade-request.ts';
import type { StepPlan, Steps } from './cascade-types.ts';
import { pastEscalationCap } from './escalation-caps.ts';
import type { Exchange } from './exchange.ts';
import { isGradable } from './live-pair.ts';
import { liveRequestOf } from './live-request.ts';
import type { Routing } from './live-types.ts';
import { isRelayable } from './outbound.ts';
import type { Resolution } from './resolve.ts';
import { mayUseTask } from './scope.ts';
import { hasCounterpart, isTranslatable, readRequest, refuseUntranslatable, withoutCounterpart } from './translate.ts';
import type { GatewayDeps } from './types.ts';

/** What is done with a request of a task, or for a model of another protocol. */
export type TaskPlan = { readonly do: 'relay'; readonly upstream: Upstream } | { readonly do: 'step'; readonly plan: StepPlan };

/** Finds the task of a request and keeps it with the exchange. Throws TASK_NOT_FOUND, and FORBIDDEN for a task that the key may not ask for. */
export function resolveTask(exchange: Exchange, steps: Steps): Resolution {
  const { route, body, members, model, request, caller } = exchange;
  const resolution = steps.resolver.resolve({ headers: request.headers, protocol: route.tap, body, members, model });
  const { fingerprint } = resolution;
  // A template leads only to tasks that its key may use; otherwise the model that the request names answers.
  const isOpen =
    resolution.task === null || resolution.by !== 'fingerprint' || caller.tasks !== null || mayUseTask(caller, resolution.task);
  const task = isOpen ? resolution.task : null;
  exchange.task = task;
  if (fingerprint !== null) {
    exchange.fingerprint = fingerprint.hash;
    steps.templates.met(fingerprint);
  }
  if (task === null ? caller.tasks !== null : !mayUseTask(caller, task)) {
    const which = task === null ? 'requests that name no task' : `the task "${task.name}"`;
    throw new SmallfirstError('FORBIDDEN', `The key "${caller.key ?? ''}" does not allow ${which}.`);
  }
  return resolution;
}

/**
 * Who answers a request of a task: its ladder, where a certificate (or a person's threshold) licenses a rung below the ceiling; else
 * the ceiling alone, byte for byte where it speaks the client's protocol. The model that the request names does not matter.
 */
export function planTask(exchange: Exchange, deps: GatewayDeps, steps: Steps): TaskPlan {
  const { task, fingerprint } = exchange;
  if (task === null) throw new SmallfirstError('INTERNAL', 'a request without a task was planned as one of a task');
  const policy = steps.policies.policyOf(task, fingerprint, deps.clock.now());
  const routed = steps.life.route(task, policy, exchange.id);
  const isCapped = routed.policy.isRouted && steps.escalations.isReached(task);
  const routing = isCapped ? pastEscalationCap(routed) : routed;
  const isTask = exchange.route.kind === 'call' && isTranslatable(exchange);
  const watch = (followed: Routing, request: ModelRequest | null): void => {
    exchange.decision = followed.reason;
    // Past its cap nothing beside the ceiling is paid for.
    if (isTask && !isCapped) exchange.afterward = steps.life.watch(liveRequestOf(exchange), followed, request);
  };
  const { isRouted } = routing.policy;
  const ceiling = deps.directory.models.get(task.ladder.at(-1) ?? '');
  const mayRelay = isRelayable(ceiling, exchange);
  if (!isRouted && ceiling !== undefined && mayRelay) {
    watch(routing, null);
    return { do: 'relay', upstream: ceiling.upstream };
  }
  if (!isTranslatable(exchange)) {
    if (ceiling !== undefined && mayRelay) return { do: 'relay', upstream: ceiling.upstream };
    return { do: 'step', plan: planTranslation(exchange, task.ladder.at(-1) ?? task.name, steps) };
  }
  const client = readRequest(exchange);
  if (client.untranslatable.length > 0) {
    // What only this protocol can say keeps its meaning where the bytes pass: at the ceiling.
    if (ceiling !== undefined && mayRelay) return { do: 'relay', upstream: ceiling.upstream };
    refuseUntranslatable(client, task.ladder.at(-1) ?? task.name);
  }
  const { step, certificate } = routing.policy;
  const past = isRouted ? pastLadder(task, routing.policy, client.request, mayRelay) : null;
  const isHard = isRouted && past === null && steps.life.isHard(task, client.request);
  if (past === null) watch(isHard ? { ...routing, reason: 'triaged' } : routing, client.request);
  else exchange.decision = past;
  if ((isHard || past !== null) && ceiling !== undefined && mayRelay) return { do: 'relay', upstream: ceiling.upstream };
  const startAt = isHard || past !== null ? step.ladder.length - 1 : 0;
  return { do: 'step', plan: { step, client, startAt, certificate, fingerprint } };
}

/**
 * Why a request of a routed task is the ceiling's alone whatever its words: no pair can tell how well the small model answers it, or the
 * ceiling, which takes its bytes, does not declare what it needs. Null where it is not.
 */
function pastLadder(task: TaskConfig, policy: TaskPolicy, request: ModelRequest, mayRelay: boolean): 'undeclared' | 'beyond-text' | null {
  if (policy.certificate !== null && !isGradable(task, request)) return 'beyond-text';
  if (!mayRelay) return null;
  const declared = policy.step.ladder.at(-1)?.model.capabilities;
  const isDeclared = [...needOf(request, 0).capabilities].every((capability) => declared?.has(capability) === true);
  // Nobody could be asked after a small model then. The ceiling gets it as it came, as before there was a certificate.
  return isDeclared ? null : 'undeclared';
}

/** How a model of another protocol is asked. Throws REQUEST_INVALID for what it cannot be asked, NOT_SUPPORTED for endpoints without a counterpart. */
export function planTranslation(exchange: Exchange, name: string, steps: Steps): StepPlan {
  if (!hasCounterpart(exchange)) throw withoutCounterpart(exchange, name);
  const client = readRequest(exchange);
  refuseUntranslatable(client, name);
  return { step: stepOf(steps.model(name)), client, startAt: 0, certificate: null, fingerprint: exchange.fingerprint };
}
