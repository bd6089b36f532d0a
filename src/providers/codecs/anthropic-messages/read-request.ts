import type { Json, Message, ModelRequest, Part, ResponseFormat, ToolChoice, ToolDefinition } from '../../../core/index.ts';
import { UNKNOWN_IMAGE } from '../image-url.ts';
import { PDF } from '../pdf-file.ts';
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
import { unwrapSignature } from '../signatures.ts';
import { inputText } from '../tool-input.ts';
import type { ClientRequest, JsonObject } from '../types.ts';

const PROTOCOL = 'anthropic-messages';

const bodyMembers = new Set(
  'model messages max_tokens system tools tool_choice temperature top_p stop_sequences stream output_config output_format metadata'.split(
    ' ',
  ),
);
const messageMembers = new Set(['role', 'content']);
const textMembers = new Set(['type', 'text']);
const imageMembers = new Set(['type', 'source']);
const documentMembers = new Set(['type', 'source', 'title']);
const useMembers = new Set(['type', 'id', 'name', 'input']);
const resultMembers = new Set(['type', 'tool_use_id', 'content', 'is_error']);
const thinkingMembers = new Set(['type', 'thinking', 'signature']);
const toolMembers = new Set(['type', 'name', 'description', 'input_schema', 'strict']);

/** Reads a Messages request; collects on the way what no other protocol can say. */
export function readRequest(json: Json): ClientRequest {
  const body = asObject(json, '');
  const model = modelName(body);
  const bound: string[] = [];
  const metadata = body.metadata === undefined || body.metadata === null ? {} : asObject(body.metadata, 'metadata');
  const user = optionalString(metadata, 'user_id', 'metadata');
  const maxTokens = optionalCount(body, 'max_tokens', '');
  const temperature = optionalNumber(body, 'temperature', '');
  const topP = optionalNumber(body, 'top_p', '');
  const stop = optionalStrings(body, 'stop_sequences');
  const output = readOutput(body);
  const tools = readTools(body, bound);
  const extras = { ...extrasOf(PROTOCOL, body, bodyMembers).extras?.members, ...tools.kept, ...output.kept };
  for (const key of ['container', 'mcp_servers']) if (body[key] !== undefined && body[key] !== null) bound.push(key);
  const request: ModelRequest = {
    messages: [...readSystem(body.system), ...readMessages(body.messages, bound)],
    ...tools.request,
    ...output.request,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(user === undefined ? {} : { endUser: user }),
    ...(Object.keys(extras).length === 0 ? {} : { extras: { protocol: PROTOCOL, members: extras } }),
  };
  return {
    protocol: PROTOCOL,
    request,
    model,
    stream: optionalBoolean(body, 'stream', '') ?? false,
    includeUsage: true,
    logprobs: null,
    metadata: stringMetadata(body),
    user: user ?? null,
    untranslatable: bound,
    body,
  };
}

interface Kept {
  readonly request: Partial<ModelRequest>;
  /** What stays with this protocol. */
  readonly kept: JsonObject;
}

function readOutput(body: JsonObject): Kept {
  const config = body.output_config === undefined || body.output_config === null ? {} : asObject(body.output_config, 'output_config');
  const { format, effort: _effort, ...rest } = config;
  const reasoningEffort = optionalString(config, 'effort', 'output_config');
  const asked = format ?? body.output_format;
  const responseFormat = asked === undefined || asked === null ? undefined : readFormat(asked);
  return {
    request: {
      ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
      ...(responseFormat === undefined ? {} : { responseFormat }),
    },
    kept: Object.keys(rest).length === 0 ? {} : { output_config: rest },
  };
}

function readFormat(value: Json): ResponseFormat {
  const format = asObject(value, 'output_config.format');
  if (format.type !== 'json_schema') {
    throw new MalformedRequest('output_config.format.type', 'output_config.format.type must be json_schema.');
  }
  return { type: 'json-schema', name: 'output', schema: asObject(format.schema, 'output_config.format.schema'), strict: true };
}

function readSystem(value: unknown): Message[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return [{ role: 'system', content: [{ type: 'text', text: value }] }];
  const content = asList(value, 'system').map((item, i): Part => {
    const part = asObject(item, `system[${i}]`);
    return { type: 'text', text: asString(part.text, `system[${i}].text`), ...extrasOf(PROTOCOL, part, textMembers) };
  });
  return content.length === 0 ? [] : [{ role: 'system', content }];
}

function readMessages(value: unknown, bound: string[]): Message[] {
  const list = asList(value, 'messages');
  if (list.length === 0) throw new MalformedRequest('messages', 'messages must hold at least one message.');
  return list.map((item, i) => {
    const path = `messages[${i}]`;
    const message = asObject(item, path);
    const role = asString(message.role, `${path}.role`);
    if (role !== 'user' && role !== 'assistant' && role !== 'system') {
      throw new MalformedRequest(`${path}.role`, `${path}.role must be user or assistant.`);
    }
    const content = readContent(message.content, `${path}.content`, bound);
    bindShown(role, content, `${path}.content`, bound);
    return { role, content, ...extrasOf(PROTOCOL, message, messageMembers) };
  });
}

function readContent(content: unknown, path: string, bound: string[]): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!isList(content)) throw new MalformedRequest(path, `${path} must be a string or an array of content blocks.`);
  return content.map((item, i) => readBlock(item, `${path}[${i}]`, bound));
}

function readBlock(item: Json, path: string, bound: string[]): Part {
  const block = asObject(item, path);
  switch (block.type) {
    case 'text':
      return { type: 'text', text: asString(block.text, `${path}.text`), ...extrasOf(PROTOCOL, block, textMembers) };
    case 'image':
      return readImage(block, path, bound);
    case 'document':
      return readDocument(block, path, bound);
    case 'tool_use':
      return {
        type: 'tool-call',
        id: asString(block.id, `${path}.id`),
        name: asString(block.name, `${path}.name`),
        arguments: inputText(block.input),
        ...extrasOf(PROTOCOL, block, useMembers),
      };
    case 'tool_result': {
      const content = block.content === undefined || block.content === null ? [] : readContent(block.content, `${path}.content`, bound);
      const isError = optionalBoolean(block, 'is_error', path) ?? false;
      const id = asString(block.tool_use_id, `${path}.tool_use_id`);
      return { type: 'tool-result', id, content, isError, ...extrasOf(PROTOCOL, block, resultMembers) };
    }
    case 'thinking': {
      const signed = optionalString(block, 'signature', path) ?? '';
      const text = asString(block.thinking, `${path}.thinking`);
      const extras = extrasOf(PROTOCOL, block, thinkingMembers);
      return { type: 'thinking', text, ...(signed === '' ? { signature: null } : unwrapSignature(signed, PROTOCOL)), ...extras };
    }
    default:
      asString(block.type, `${path}.type`);
      // Redacted thinking means nothing to others, so they lose nothing by not getting it.
      if (block.type !== 'redacted_thinking') bound.push(path);
      return { type: 'opaque', protocol: PROTOCOL, value: block };
  }
}

function readImage(block: JsonObject, path: string, bound: string[]): Part {
  const source = asObject(block.source, `${path}.source`);
  const extras = extrasOf(PROTOCOL, block, imageMembers);
  switch (source.type) {
    case 'base64': {
      const data = asString(source.data, `${path}.source.data`);
      const mediaType = asString(source.media_type, `${path}.source.media_type`);
      return { type: 'image', mediaType, source: { kind: 'base64', data }, ...extras };
    }
    case 'url': {
      const url = asString(source.url, `${path}.source.url`);
      return { type: 'image', mediaType: UNKNOWN_IMAGE, source: { kind: 'url', url }, ...extras };
    }
    default:
      asString(source.type, `${path}.source.type`);
      bound.push(`${path}.source`);
      return { type: 'opaque', protocol: PROTOCOL, value: block };
  }
}

/** A PDF is known everywhere; other documents, a context of their own and citations are known here alone. */
function readDocument(block: JsonObject, path: string, bound: string[]): Part {
  const source = asObject(block.source, `${path}.source`);
  const isCited = isObject(block.citations) && block.citations.enabled === true;
  if (source.type === 'base64' && source.media_type === PDF && !isCited && (block.context ?? null) === null) {
    const data = asString(source.data, `${path}.source.data`);
    return { type: 'pdf', name: optionalString(block, 'title', path) ?? null, data, ...extrasOf(PROTOCOL, block, documentMembers) };
  }
  bound.push(path);
  return { type: 'opaque', protocol: PROTOCOL, value: block };
}

function readTools(body: JsonObject, bound: string[]): Kept {
  const tools: ToolDefinition[] = [];
  const others: Json[] = [];
  const list = body.tools === undefined || body.tools === null ? [] : asList(body.tools, 'tools');
  for (const [i, item] of list.entries()) {
    const path = `tools[${i}]`;
    const tool = asObject(item, path);
    if (tool.type !== undefined && tool.type !== null && tool.type !== 'custom') {
      bound.push(path);
      others.push(tool);
      continue;
    }
    const strict = optionalBoolean(tool, 'strict', path);
    tools.push({
      name: asString(tool.name, `${path}.name`),
      description: optionalString(tool, 'description', path) ?? null,
      parameters: asObject(tool.input_schema, `${path}.input_schema`),
      ...(strict === undefined ? {} : { strict }),
      ...extrasOf(PROTOCOL, tool, toolMembers),
    });
  }
  return {
    request: { ...(tools.length === 0 ? {} : { tools }), ...readChoice(body.tool_choice) },
    kept: others.length === 0 ? {} : { tools: others },
  };
}

function readChoice(value: unknown): Partial<ModelRequest> {
  if (value === undefined || value === null) return {};
  const choice = asObject(value, 'tool_choice');
  const disabled = optionalBoolean(choice, 'disable_parallel_tool_use', 'tool_choice');
  return { toolChoice: choiceOf(choice), ...(disabled === undefined ? {} : { parallelToolCalls: !disabled }) };
}

function choiceOf(choice: JsonObject): ToolChoice {
  switch (choice.type) {
    case 'auto':
    case 'none':
      return choice.type;
    case 'any':
      return 'required';
    case 'tool':
      return { name: asString(choice.name, 'tool_choice.name') };
    default:
      throw new MalformedRequest('tool_choice.type', 'tool_choice.type must be auto, any, tool or none.');
  }
}
