import type { Json, Message, ModelRequest, ResponseFormat, ToolChoice, ToolDefinition } from '../../../core/index.ts';
import {
  asList,
  asObject,
  asString,
  extrasOf,
  isList,
  MalformedRequest,
  modelName,
  optionalBoolean,
  optionalCount,
  optionalNumber,
  optionalString,
  stringMetadata,
} from '../shape.ts';
import type { ClientRequest, JsonObject } from '../types.ts';
import { readInput } from './read-input.ts';

const PROTOCOL = 'openai-responses';

const bodyMembers = new Set(
  'model input instructions tools tool_choice parallel_tool_calls text max_output_tokens temperature top_p stream top_logprobs reasoning user'.split(
    ' ',
  ),
);
const toolMembers = new Set(['type', 'name', 'description', 'parameters', 'strict']);

/** The member of `include` that asks for log-probabilities. */
export const LOGPROBS = 'message.output_text.logprobs';

/** Reads a Responses request; collects on the way what no other protocol can say. */
export function readRequest(json: Json): ClientRequest {
  const body = asObject(json, '');
  const model = modelName(body);
  const bound: string[] = [];
  const user = optionalString(body, 'user', '');
  const include = body.include === undefined || body.include === null ? [] : asList(body.include, 'include');
  const logprobs = include.includes(LOGPROBS) ? { top: optionalCount(body, 'top_logprobs', '') ?? 0 } : null;
  const tools = readTools(body, bound);
  const text = readText(body);
  const reasoning = readReasoning(body);
  const extras = { ...extrasOf(PROTOCOL, body, bodyMembers).extras?.members, ...tools.kept, ...text.kept, ...reasoning.kept };
  readBound(body, bound);
  const request: ModelRequest = {
    messages: readMessages(body, bound),
    ...tools.request,
    ...text.request,
    ...reasoning.request,
    ...readLimits(body),
    ...(logprobs === null ? {} : { logprobs }),
    ...(user === undefined ? {} : { endUser: user }),
    ...(Object.keys(extras).length === 0 ? {} : { extras: { protocol: PROTOCOL, members: extras } }),
  };
  return {
    protocol: PROTOCOL,
    request,
    model,
    stream: optionalBoolean(body, 'stream', '') ?? false,
    includeUsage: true,
    logprobs,
    metadata: stringMetadata(body),
    user: user ?? null,
    untranslatable: bound,
    body,
  };
}

function readMessages(body: JsonObject, bound: string[]): Message[] {
  const instructions = optionalString(body, 'instructions', '');
  const system: Message[] = instructions === undefined ? [] : [{ role: 'system', content: [{ type: 'text', text: instructions }] }];
  const input = body.input;
  // What lies with the provider may stand for the input; such a request cannot go elsewhere anyway.
  if (input === undefined && bound.length > 0) return system;
  if (typeof input === 'string') return [...system, { role: 'user', content: [{ type: 'text', text: input }] }];
  if (!isList(input)) throw new MalformedRequest('input', 'input must be a string or an array of items.');
  if (input.length === 0) throw new MalformedRequest('input', 'input must hold at least one item.');
  return [...system, ...readInput(input, bound)];
}

/** State that lies with the provider, and work that goes on without us. */
function readBound(body: JsonObject, bound: string[]): void {
  for (const key of ['previous_response_id', 'conversation', 'prompt']) {
    if (body[key] !== undefined && body[key] !== null) bound.push(key);
  }
  if (body.background === true) bound.push('background');
}

function readLimits(body: JsonObject): Partial<ModelRequest> {
  const maxTokens = optionalCount(body, 'max_output_tokens', '');
  const temperature = optionalNumber(body, 'temperature', '');
  const topP = optionalNumber(body, 'top_p', '');
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
  };
}

interface Kept {
  readonly request: Partial<ModelRequest>;
  /** What stays with this protocol. */
  readonly kept: JsonObject;
}

function readReasoning(body: JsonObject): Kept {
  if (body.reasoning === undefined || body.reasoning === null) return { request: {}, kept: {} };
  const { effort: _effort, ...rest } = asObject(body.reasoning, 'reasoning');
  const reasoningEffort = optionalString(asObject(body.reasoning, 'reasoning'), 'effort', 'reasoning');
  return {
    request: reasoningEffort === undefined ? {} : { reasoningEffort },
    kept: Object.keys(rest).length === 0 ? {} : { reasoning: rest },
  };
}

function readText(body: JsonObject): Kept {
  if (body.text === undefined || body.text === null) return { request: {}, kept: {} };
  const { format, ...rest } = asObject(body.text, 'text');
  const responseFormat = format === undefined || format === null ? undefined : readFormat(format);
  return {
    request: responseFormat === undefined ? {} : { responseFormat },
    kept: Object.keys(rest).length === 0 ? {} : { text: rest },
  };
}

function readFormat(value: Json): ResponseFormat {
  const path = 'text.format';
  const format = asObject(value, path);
  switch (format.type) {
    case 'text':
      return { type: 'text' };
    case 'json_object':
      return { type: 'json' };
    case 'json_schema':
      return {
        type: 'json-schema',
        name: asString(format.name, `${path}.name`),
        schema: format.schema ?? {},
        strict: optionalBoolean(format, 'strict', path) ?? false,
      };
    default:
      throw new MalformedRequest(`${path}.type`, `${path}.type must be text, json_object or json_schema.`);
  }
}

function readTools(body: JsonObject, bound: string[]): Kept {
  const tools: ToolDefinition[] = [];
  const others: Json[] = [];
  const list = body.tools === undefined || body.tools === null ? [] : asList(body.tools, 'tools');
  for (const [i, item] of list.entries()) {
    const path = `tools[${i}]`;
    const tool = asObject(item, path);
    if (tool.type !== 'function') {
      asString(tool.type, `${path}.type`);
      bound.push(path);
      others.push(tool);
      continue;
    }
    const strict = optionalBoolean(tool, 'strict', path);
    tools.push({
      name: asString(tool.name, `${path}.name`),
      description: optionalString(tool, 'description', path) ?? null,
      parameters: tool.parameters ?? { type: 'object', properties: {} },
      ...(strict === undefined ? {} : { strict }),
      ...extrasOf(PROTOCOL, tool, toolMembers),
    });
  }
  const parallelToolCalls = optionalBoolean(body, 'parallel_tool_calls', '');
  const toolChoice = readChoice(body.tool_choice, bound);
  return {
    request: {
      ...(tools.length === 0 ? {} : { tools }),
      ...(toolChoice === undefined ? {} : { toolChoice }),
      ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    },
    kept: others.length === 0 ? {} : { tools: others },
  };
}

function readChoice(value: unknown, bound: string[]): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return value;
  const choice = asObject(value, 'tool_choice');
  if (choice.type === 'function') return { name: asString(choice.name, 'tool_choice.name') };
  bound.push('tool_choice');
  return undefined;
}
