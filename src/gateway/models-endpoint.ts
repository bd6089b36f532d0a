import type { JsonObject } from '../providers/index.ts';
import { answerJson } from './answer.ts';
import { modelNotFound } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import type { Family } from './parties.ts';
import type { GatewayDeps, ServedModel } from './types.ts';

/** `GET /v1/models`: what the caller may name, in the shape of its protocol. */
export function listModels(exchange: Exchange, deps: GatewayDeps): void {
  const models = [...deps.directory.models.values()].filter((model) => mayUse(exchange, model));
  answerJson(exchange, 200, shapes[exchange.route.family].list(models));
}

/** `GET /v1/models/ID`. Throws MODEL_NOT_FOUND. */
export function showModel(exchange: Exchange, deps: GatewayDeps): void {
  const name = decoded(exchange.path.slice('/v1/models/'.length));
  const model = deps.directory.models.get(name);
  if (model === undefined || !mayUse(exchange, model)) throw modelNotFound(name);
  answerJson(exchange, 200, shapes[exchange.route.family].one(model));
}

function mayUse(exchange: Exchange, model: ServedModel): boolean {
  return exchange.caller.models === null || exchange.caller.models.has(model.name);
}

/** Nobody records when a model was made; the protocols want a time, so it is the beginning of theirs. */
function openaiModel(model: ServedModel) {
  return { id: model.name, object: 'model', created: 0, owned_by: model.provider };
}

function anthropicModel(model: ServedModel) {
  return { type: 'model', id: model.name, display_name: model.name, created_at: '1970-01-01T00:00:00Z' };
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
  readonly one: (model: ServedModel) => JsonObject;
  readonly list: (models: readonly ServedModel[]) => JsonObject;
}

/** A name may hold slashes, escaped or not. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
