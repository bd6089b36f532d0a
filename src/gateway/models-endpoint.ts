import type { JsonObject } from '../providers/index.ts';
import { answerJson } from './answer.ts';
import { modelNotFound } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import type { Family } from './parties.ts';
import { PIPELINE_ALIAS } from './pipeline-scope.ts';
import { pipelineAliases } from './pipelines-endpoint.ts';
import { ALIAS } from './resolve.ts';
import { mayUseModel, mayUseTask } from './scope.ts';
import type { GatewayDeps } from './types.ts';

/** A name that stands in `model`, and who is said to own it. */
interface Named {
  readonly name: string;
  readonly owner: string;
}

/** Whether the config names anything that could be listed; else the list is the upstream's. */
export function hasModels({ steps }: GatewayDeps): boolean {
  for (const _ of steps.models) return true;
  return false;
}

/** `GET /v1/models`: what the caller may name, models and tasks, in the shape of its protocol. */
export function listModels(exchange: Exchange, deps: GatewayDeps): void {
  answerJson(exchange, 200, shapes[exchange.route.family].list(namesFor(exchange, deps)));
}

/** Whether `GET /v1/models/ID` is the upstream's to answer: nothing here has the name, and the caller may ask there for any. */
export function isModelElsewhere(exchange: Exchange, deps: GatewayDeps): boolean {
  if (!hasModels(deps)) return true;
  const { caller, route } = exchange;
  const { directory, steps } = deps;
  const name = asked(exchange);
  if (directory.models.has(name) || steps.isLocal(name) || name.startsWith(ALIAS) || name.startsWith(PIPELINE_ALIAS)) return false;
  return caller.mayPassThrough && caller.models === null && caller.tasks === null && directory.passthrough(route.family) !== null;
}

/** `GET /v1/models/ID`. Throws MODEL_NOT_FOUND. */
export function showModel(exchange: Exchange, deps: GatewayDeps): void {
  const name = asked(exchange);
  const found = namesFor(exchange, deps).find((named) => named.name === name);
  if (found === undefined) throw modelNotFound(name);
  answerJson(exchange, 200, shapes[exchange.route.family].one(found));
}

function namesFor(exchange: Exchange, { steps, pipelines }: GatewayDeps): readonly Named[] {
  const { caller } = exchange;
  const names: Named[] = [];
  // A key that lists its tasks is refused whatever names none of them.
  if (caller.tasks === null) {
    for (const { name, provider } of steps.models) if (mayUseModel(caller, name)) names.push({ name, owner: provider });
  }
  for (const task of steps.resolver.tasks) if (mayUseTask(caller, task)) names.push({ name: `${ALIAS}${task.name}`, owner: 'smallfirst' });
  for (const name of pipelineAliases(exchange, pipelines)) names.push({ name, owner: 'smallfirst' });
  return names;
}

/** Nobody records when a model was made; the protocols want a time, so it is the beginning of theirs. */
function openaiModel({ name, owner }: Named) {
  return { id: name, object: 'model', created: 0, owned_by: owner };
}

function anthropicModel({ name }: Named) {
  return { type: 'model', id: name, display_name: name, created_at: '1970-01-01T00:00:00Z' };
}

/** How each family's clients read a model, and a list of them. */
const shapes: Readonly<Record<Family, Shape>> = {
  openai: {
    one: openaiModel,
    list: (models) => ({ object: 'list', data: models.map(openaiModel) }),
  },
  anthropic: {
    one: anthropicModel,
    list: (models) => {
      const data = models.map(anthropicModel);
      return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    },
  },
};

interface Shape {
  readonly one: (model: Named) => JsonObject;
  readonly list: (models: readonly Named[]) => JsonObject;
}

/** The model that a path names; its name may hold slashes, escaped or not. */
function asked({ path }: Exchange): string {
  const text = path.slice('/v1/models/'.length);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
