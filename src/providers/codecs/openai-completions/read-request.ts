import type { Json, ModelRequest } from '../../../core/index.ts';
import {
  asObject,
  extrasOf,
  isList,
  isObject,
  MalformedRequest,
  modelName,
  optionalBoolean,
  optionalCount,
  optionalNumber,
  optionalString,
  optionalStrings,
} from '../shape.ts';
import type { ClientRequest, JsonObject } from '../types.ts';

const PROTOCOL = 'openai-completions';

/** What this endpoint writes at most where a request does not say: that is short, and clients rely on it. */
const DEFAULT_MAX_TOKENS = 16;

const bodyMembers = new Set('model prompt max_tokens temperature top_p stop seed logprobs stream stream_options user'.split(' '));

/** Reads a completion request as a chat of one message; collects on the way what no chat can say. */
export function readRequest(json: Json): ClientRequest {
  const body = asObject(json, '');
  const model = modelName(body);
  const bound: string[] = [];
  const stream = optionalBoolean(body, 'stream', '') ?? false;
  const streamOptions = isObject(body.stream_options) ? body.stream_options : {};
  const top = optionalCount(body, 'logprobs', '');
  const user = optionalString(body, 'user', '');
  const request: ModelRequest = {
    messages: [{ role: 'user', content: [{ type: 'text', text: readPrompt(body.prompt, bound) }] }],
    ...readLimits(body, bound),
    ...(top === undefined ? {} : { logprobs: { top } }),
    ...(user === undefined ? {} : { endUser: user }),
    ...extrasOf(PROTOCOL, body, bodyMembers),
  };
  readBound(body, bound);
  return {
    protocol: PROTOCOL,
    request,
    model,
    stream,
    includeUsage: streamOptions.include_usage === true,
    logprobs: top === undefined ? null : { top },
    metadata: {},
    user: user ?? null,
    untranslatable: bound,
    body,
  };
}

/** The one text of a prompt. Several prompts are several answers, and tokens mean nothing to another model. */
function readPrompt(value: unknown, bound: string[]): string {
  if (typeof value === 'string') return value;
  if (!isList(value)) throw new MalformedRequest('prompt', 'prompt must be a string or an array.');
  const [first] = value;
  if (value.length === 1 && typeof first === 'string') return first;
  const isKnown = value.length > 0 && value.every((item) => typeof item === 'string' || typeof item === 'number' || isList(item));
  if (!isKnown) throw new MalformedRequest('prompt', 'prompt must hold strings, or tokens.');
  bound.push(value.every((item) => typeof item === 'string') ? 'prompt (several)' : 'prompt (tokens)');
  return '';
}

function readLimits(body: JsonObject, bound: string[]): Partial<ModelRequest> {
  const maxTokens = optionalCount(body, 'max_tokens', '') ?? DEFAULT_MAX_TOKENS;
  if (maxTokens === 0) bound.push('max_tokens (0)');
  const temperature = optionalNumber(body, 'temperature', '');
  const topP = optionalNumber(body, 'top_p', '');
  const stop = optionalStrings(body, 'stop');
  const seed = optionalNumber(body, 'seed', '');
  return {
    maxTokens: Math.max(1, maxTokens),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** What changes the answer and has no counterpart in a chat. Penalties are hints, and left out. */
function readBound(body: JsonObject, bound: string[]): void {
  for (const key of ['n', 'best_of']) {
    const count = optionalCount(body, key, '');
    if (count !== undefined && count !== 1) bound.push(key);
  }
  if (optionalBoolean(body, 'echo', '') === true) bound.push('echo');
  if ((optionalString(body, 'suffix', '') ?? '') !== '') bound.push('suffix');
  const bias = body.logit_bias;
  if (bias !== undefined && bias !== null && !(isObject(bias) && Object.keys(bias).length === 0)) bound.push('logit_bias');
}
