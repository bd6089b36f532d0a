import { SmallfirstError } from '../core/index.ts';
import { type ClientRequest, JsonShapeError, lastMember, memberValue, scanMembers, type Upstream } from '../providers/index.ts';
import { planTask, planTranslation, resolveTask } from './cascade-plan.ts';
import type { StepPlan } from './cascade-types.ts';
import type { Exchange } from './exchange.ts';
import { isRelayable } from './outbound.ts';
import { readRequest } from './translate.ts';
import type { GatewayDeps } from './types.ts';

/** What is done with a request to a model. */
export type Plan =
  /** The same protocol on both sides: bytes pass. `renames` is false for a model that the config does not name. */
  | { readonly do: 'relay'; readonly upstream: Upstream; readonly renames: boolean }
  /** Its tokens are counted here: no model that would answer it has an endpoint for that. */
  | { readonly do: 'count'; readonly client: ClientRequest }
  /** A task with a ladder, or a model of another protocol. */
  | { readonly do: 'step'; readonly plan: StepPlan };

/** Reads what a body says at its top level. Throws REQUEST_INVALID for one that is no JSON object or names no model. */
export function readCall(exchange: Exchange): void {
  try {
    const { body } = exchange;
    const members = scanMembers(body);
    exchange.members = members;
    const model = memberValue(body, members, 'model');
    if (typeof model !== 'string' || model === '') {
      throw new SmallfirstError('REQUEST_INVALID', 'The request must name a model: "model" is missing or is no text.');
    }
    exchange.model = model;
    const stream = lastMember(members, 'stream');
    exchange.isStreamed = stream !== undefined && body[stream.valueStart] === 0x74;
  } catch (error) {
    if (!(error instanceof JsonShapeError)) throw error;
    throw new SmallfirstError('REQUEST_INVALID', `The request body is not what it should be: ${error.message} (at byte ${error.offset}).`);
  }
}

/**
 * Decides who answers: a task's ladder, else the model that the request names. Throws MODEL_NOT_FOUND for a model that nobody serves to this
 * caller, TASK_NOT_FOUND for a task that is not declared.
 */
export function plan(exchange: Exchange, deps: GatewayDeps): Plan {
  resolveTask(exchange, deps.steps);
  if (exchange.task === null) return planModel(exchange, deps);
  if (exchange.route.kind === 'count' && !isRelayable(deps.directory.models.get(exchange.task.ladder.at(-1) ?? ''), exchange)) {
    return { do: 'count', client: readRequest(exchange) };
  }
  const next = planTask(exchange, deps, deps.steps);
  return next.do === 'relay' ? { ...next, renames: true } : next;
}

function planModel(exchange: Exchange, deps: GatewayDeps): Plan {
  const { model, caller, route } = exchange;
  const served = deps.directory.models.get(model);
  if (served !== undefined && (caller.models === null || caller.models.has(model))) {
    if (isRelayable(served, exchange)) return { do: 'relay', upstream: served.upstream, renames: true };
    if (route.kind === 'count') return { do: 'count', client: readRequest(exchange) };
    return { do: 'step', plan: planTranslation(exchange, model, deps.steps) };
  }
  if (served === undefined && route.kind === 'call' && deps.steps.isLocal(model) && (caller.models === null || caller.models.has(model))) {
    return { do: 'step', plan: planTranslation(exchange, model, deps.steps) };
  }
  const other = served === undefined && caller.mayPassThrough && caller.models === null ? deps.directory.passthrough(route.family) : null;
  if (other !== null) return { do: 'relay', upstream: other.upstream, renames: false };
  throw modelNotFound(model);
}

/** The error for a model that is not there, or not for this caller: which of the two it is, is not told. */
export function modelNotFound(model: string): SmallfirstError {
  return new SmallfirstError('MODEL_NOT_FOUND', `The model "${shown(model)}" does not exist, or you have no access to it.`);
}

/** A name from outside as it may stand in a message. */
function shown(name: string): string {
  const plain = name.replace(/[\x00-\x1f\x7f"]/g, '?');
  return plain.length > 100 ? `${plain.slice(0, 100)}…` : plain;
}
