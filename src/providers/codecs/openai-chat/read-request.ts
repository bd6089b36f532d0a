import type { Extras, Json, Message, ModelRequest, Part, ResponseFormat, ToolChoice, ToolDefinition } from '../../../core/index.ts';
import { readImageUrl } from '../image-url.ts';
import { readPdfFile } from '../pdf-file.ts';
import {
  asList,
  asObject,
  asString,
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
  stringMetadata,
} from '../shape.ts';
import { bindShown } from '../shown.ts';
import type { ClientRequest, JsonObject } from '../types.ts';

const PROTOCOL = 'openai-chat';

const bodyMembers = new Set(
  (
    'model messages tools tool_choice parallel_tool_calls response_format max_tokens max_completion_tokens temperature top_p stop seed ' +
    'logprobs top_logprobs stream stream_options reasoning_effort user'
  ).split(' '),
);
const messageMembers = new Set([
  'role',
  'content',
  'tool_calls',
  'tool_call_id',
  'refusal',
  'reasoning_content',
  'reasoning',
  'annotations',
]);
const textMembers = new Set(['type', 'text']);
const imageMembers = new Set(['type', 'image_url']);
const urlMembers = new Set(['url']);
const filePartMembers = new Set(['type', 'file']);
const fileMembers = new Set(['filename', 'file_data', 'file_id']);
const toolMembers = new Set(['type', 'function']);
const callMembers = new Set(['id', 'type', 'function']);

/** Reads a chat completion request; collects on the way what no other protocol can say. */
export function readRequest(json: Json): ClientRequest {
  const body = asObject(json, '');
  const model = modelName(body);
  const bound: string[] = [];
  const stream = optionalBoolean(body, 'stream', '') ?? false;
  const streamOptions = isObject(body.stream_options) ? body.stream_options : {};
  const top = optionalCount(body, 'top_logprobs', '') ?? 0;
  const logprobs = optionalBoolean(body, 'logprobs', '') === true ? { top } : null;
  const user = optionalString(body, 'user', '');
  const request: ModelRequest = {
    messages: readMessages(body.messages, bound),
    ...readTools(body, bound),
    ...readFormat(body),
    ...readLimits(body),
    ...(logprobs === null ? {} : { logprobs }),
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
    logprobs,
    metadata: stringMetadata(body),
    user: user ?? null,
    untranslatable: bound,
    body,
  };
}

function readLimits(body: JsonObject): Partial<ModelRequest> {
  const maxTokens = optionalCount(body, 'max_completion_tokens', '') ?? optionalCount(body, 'max_tokens', '');
  const temperature = optionalNumber(body, 'temperature', '');
  const topP = optionalNumber(body, 'top_p', '');
  const stop = optionalStrings(body, 'stop');
  const seed = optionalNumber(body, 'seed', '');
  const reasoningEffort = optionalString(body, 'reasoning_effort', '');
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined ? {} : { seed }),
    ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
  };
}

/** What changes the answer and has no counterpart elsewhere. Hints (penalties, verbosity, service_tier) may be left out silently. */
function readBound(body: JsonObject, bound: string[]): void {
  const n = optionalCount(body, 'n', '');
  if (n !== undefined && n !== 1) bound.push('n');
  if (isObject(body.audio)) bound.push('audio');
  if (isList(body.modalities) && body.modalities.some((modality) => modality !== 'text')) bound.push('modalities');
  for (const key of ['functions', 'function_call', 'web_search_options', 'logit_bias']) {
    const value = body[key];
    if (value !== undefined && value !== null && !(isObject(value) && Object.keys(value).length === 0 && key === 'logit_bias'))
      bound.push(key);
  }
}

function readMessages(value: unknown, bound: string[]): Message[] {
  const list = asList(value, 'messages');
  if (list.length === 0) throw new MalformedRequest('messages', 'messages must hold at least one message.');
  const messages: Message[] = [];
  let results: Part[] | null = null;
  for (const [i, item] of list.entries()) {
    const path = `messages[${i}]`;
    const message = asObject(item, path);
    const role = asString(message.role, `${path}.role`);
    if (role === 'tool' || role === 'function') {
      // Results that follow each other answer one turn, so they stay one turn of the user.
      if (results === null) {
        results = [];
        messages.push({ role: 'user', content: results });
      }
      results.push(readResult(message, role, path));
      continue;
    }
    results = null;
    const read = readMessage(message, role, path, bound);
    bindShown(role, read.content, `${path}.content`, bound);
    messages.push(read);
  }
  return messages;
}

function readMessage(message: JsonObject, role: string, path: string, bound: string[]): Message {
  const extras = extrasOf(PROTOCOL, message, messageMembers);
  switch (role) {
    case 'developer': {
      const members = { ...extras.extras?.members, role: 'developer' };
      return {
        role: 'system',
        content: readContent(message.content, `${path}.content`, bound),
        extras: { protocol: PROTOCOL, members },
      };
    }
    case 'system':
    case 'user':
      return { role, content: readContent(message.content, `${path}.content`, bound), ...extras };
    case 'assistant':
      return { role, content: readAssistant(message, path, bound), ...extras };
    default:
      throw new MalformedRequest(`${path}.role`, `${path}.role must be system, developer, user, assistant or tool.`);
  }
}

function readAssistant(message: JsonObject, path: string, bound: string[]): Part[] {
  const parts: Part[] = [];
  const thinking = message.reasoning_content ?? message.reasoning;
  if (typeof thinking === 'string' && thinking !== '') parts.push({ type: 'thinking', text: thinking, signature: null });
  const content = message.content;
  const hasMore = message.tool_calls !== undefined || message.refusal !== undefined;
  const bare = content === null || content === undefined || (content === '' && hasMore);
  if (!bare) parts.push(...readContent(content, `${path}.content`, bound));
  const refusal = optionalString(message, 'refusal', path);
  if (refusal !== undefined) parts.push({ type: 'refusal', text: refusal });
  if (isObject(message.audio)) bound.push(`${path}.audio`);
  if (isObject(message.function_call)) bound.push(`${path}.function_call`);
  const calls = message.tool_calls;
  if (calls === undefined || calls === null) return parts;
  for (const [i, item] of asList(calls, `${path}.tool_calls`).entries()) parts.push(readCall(item, `${path}.tool_calls[${i}]`, bound));
  return parts;
}

function readCall(item: Json, path: string, bound: string[]): Part {
  const call = asObject(item, path);
  if (call.type === 'custom') {
    bound.push(path);
    return { type: 'opaque', protocol: PROTOCOL, value: call };
  }
  const what = asObject(call.function, `${path}.function`);
  return {
    type: 'tool-call',
    id: asString(call.id, `${path}.id`),
    name: asString(what.name, `${path}.function.name`),
    arguments: optionalString(what, 'arguments', `${path}.function`) ?? '',
    ...extrasOf(PROTOCOL, call, callMembers),
  };
}

function readResult(message: JsonObject, role: string, path: string): Part {
  const id = role === 'tool' ? asString(message.tool_call_id, `${path}.tool_call_id`) : asString(message.name, `${path}.name`);
  const content = message.content === null ? [] : readContent(message.content, `${path}.content`, []);
  return { type: 'tool-result', id, content, isError: false, ...extrasOf(PROTOCOL, message, messageMembers) };
}

function readContent(content: unknown, path: string, bound: string[]): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!isList(content)) throw new MalformedRequest(path, `${path} must be a string or an array of content parts.`);
  return content.map((item, i) => readPart(item, `${path}[${i}]`, bound));
}

function readPart(item: Json, path: string, bound: string[]): Part {
  const part = asObject(item, path);
  switch (part.type) {
    case 'text':
      return { type: 'text', text: asString(part.text, `${path}.text`), ...extrasOf(PROTOCOL, part, textMembers) };
    case 'refusal':
      return { type: 'refusal', text: asString(part.refusal, `${path}.refusal`) };
    case 'image_url': {
      const image = asObject(part.image_url, `${path}.image_url`);
      const extras = nestedExtras(part, imageMembers, 'image_url', extrasOf(PROTOCOL, image, urlMembers));
      return { ...readImageUrl(asString(image.url, `${path}.image_url.url`)), ...extras };
    }
    case 'file': {
      const file = asObject(part.file, `${path}.file`);
      const pdf = readPdfFile(file);
      if (pdf !== null) return { ...pdf, ...nestedExtras(part, filePartMembers, 'file', extrasOf(PROTOCOL, file, fileMembers)) };
      break;
    }
    default:
      asString(part.type, `${path}.type`);
  }
  bound.push(path);
  return { type: 'opaque', protocol: PROTOCOL, value: part };
}

/** The extras of a part and of the object within it, together: what this protocol alone knows of both. */
function nestedExtras(part: JsonObject, known: ReadonlySet<string>, name: string, inner: { readonly extras?: Extras }) {
  const outer = extrasOf(PROTOCOL, part, known).extras?.members;
  if (inner.extras === undefined) return outer === undefined ? {} : { extras: { protocol: PROTOCOL, members: outer } };
  return { extras: { protocol: PROTOCOL, members: { ...outer, [name]: inner.extras.members } } };
}

function readTools(body: JsonObject, bound: string[]): Partial<ModelRequest> {
  const parallelToolCalls = optionalBoolean(body, 'parallel_tool_calls', '');
  const tools: ToolDefinition[] = [];
  const list = body.tools === undefined || body.tools === null ? [] : asList(body.tools, 'tools');
  for (const [i, item] of list.entries()) {
    const path = `tools[${i}]`;
    const tool = asObject(item, path);
    if (tool.type !== undefined && tool.type !== 'function') {
      bound.push(path);
      continue;
    }
    const what = asObject(tool.function, `${path}.function`);
    const strict = optionalBoolean(what, 'strict', `${path}.function`);
    tools.push({
      name: asString(what.name, `${path}.function.name`),
      description: optionalString(what, 'description', `${path}.function`) ?? null,
      parameters: what.parameters ?? { type: 'object', properties: {} },
      ...(strict === undefined ? {} : { strict }),
      ...extrasOf(PROTOCOL, tool, toolMembers),
    });
  }
  const toolChoice = readChoice(body.tool_choice, bound);
  return {
    ...(list.length === 0 ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  };
}

function readChoice(value: unknown, bound: string[]): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return value;
  const choice = asObject(value, 'tool_choice');
  if (choice.type === 'function') {
    return { name: asString(asObject(choice.function, 'tool_choice.function').name, 'tool_choice.function.name') };
  }
  bound.push('tool_choice');
  return undefined;
}

function readFormat(body: JsonObject): { readonly responseFormat?: ResponseFormat } {
  if (body.response_format === undefined || body.response_format === null) return {};
  const format = asObject(body.response_format, 'response_format');
  switch (format.type) {
    case 'text':
      return { responseFormat: { type: 'text' } };
    case 'json_object':
      return { responseFormat: { type: 'json' } };
    case 'json_schema': {
      const path = 'response_format.json_schema';
      const schema = asObject(format.json_schema, path);
      return {
        responseFormat: {
          type: 'json-schema',
          name: asString(schema.name, `${path}.name`),
          schema: schema.schema ?? {},
          strict: optionalBoolean(schema, 'strict', path) ?? false,
        },
      };
    }
    default:
      throw new MalformedRequest('response_format.type', 'response_format.type must be text, json_object or json_schema.');
  }
}
