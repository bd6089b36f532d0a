import type { Message, ModelRequest, Part } from '../../../core/index.ts';
import { writeImageUrl } from '../image-url.ts';
import { writePdfFile } from '../pdf-file.ts';
import { isList, isObject, membersFor } from '../shape.ts';
import { STRUCTURED_TOOL, schemaInstruction } from '../structured-output.ts';
import type { JsonObject, Quirks, Reading, Target, WireRequest } from '../types.ts';
import { LOGPROBS } from './read-request.ts';

const PROTOCOL = 'openai-responses';

/** This API refuses smaller limits. */
export const MIN_OUTPUT_TOKENS = 16;

const ENCRYPTED_REASONING = 'reasoning.encrypted_content';

/** Writes a Responses request. Stop sequences and seed have no place here and are left out; nothing is stored unless the caller asked. */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  const quirks = target.quirks ?? {};
  const members = membersFor(PROTOCOL, request.extras);
  const plan = planFormat(request, quirks);
  const [first, ...rest] = plan.messages;
  const instructions = first === undefined ? null : instructionsOf(first);
  const body: Record<string, unknown> = {
    store: false,
    ...members,
    model: target.model,
    ...(instructions === null ? {} : { instructions }),
    input: (instructions === null ? plan.messages : rest).flatMap((message) => writeMessage(message, quirks)),
    ...writeTools(request, plan.tool, members),
    ...writeText(plan.format, members),
    ...writeReasoning(request, members),
    ...writeInclude(request, quirks, members),
    ...(request.maxTokens === undefined ? {} : { max_output_tokens: Math.max(request.maxTokens, MIN_OUTPUT_TOKENS) }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.endUser === undefined ? {} : { user: request.endUser }),
    ...(target.stream ? { stream: true } : {}),
  };
  for (const member of quirks.omit ?? []) delete body[member];
  return {
    path: '/responses',
    headers: { 'content-type': 'application/json', accept: target.stream ? 'text/event-stream' : 'application/json' },
    body: body as JsonObject,
    reading: plan.reading,
  };
}

interface FormatPlan {
  readonly messages: readonly Message[];
  readonly format: JsonObject | null;
  readonly tool: JsonObject | null;
  readonly reading: Reading;
}

function planFormat(request: ModelRequest, quirks: Quirks): FormatPlan {
  const format = request.responseFormat;
  const plain: FormatPlan = { messages: request.messages, format: null, tool: null, reading: {} };
  if (format === undefined) return plain;
  if (format.type === 'text') return { ...plain, format: { type: 'text' } };
  if (format.type === 'json') return { ...plain, format: { type: 'json_object' } };
  const { name, schema, strict } = format;
  switch (quirks.structuredOutput ?? 'native') {
    case 'native':
      return { ...plain, format: { type: 'json_schema', name, schema, strict } };
    case 'instruction':
      return { ...plain, messages: [...request.messages, schemaInstruction(schema)], format: { type: 'json_object' } };
    case 'tool': {
      const tool = { type: 'function', name: STRUCTURED_TOOL, description: 'Give the answer.', parameters: schema, strict: false };
      return { ...plain, tool, reading: { textTool: STRUCTURED_TOOL } };
    }
  }
}

/** A first system message of plain text goes where this API wants it. */
function instructionsOf(message: Message): string | null {
  if (message.role !== 'system' || message.extras?.protocol === PROTOCOL) return null;
  const texts = message.content.map((part) => (part.type === 'text' && part.extras?.protocol !== PROTOCOL ? part.text : null));
  return texts.includes(null) ? null : texts.join('\n\n');
}

function writeText(format: JsonObject | null, members: JsonObject): JsonObject {
  if (format === null) return {};
  return { text: { ...(isObject(members.text) ? members.text : {}), format } };
}

function writeReasoning(request: ModelRequest, members: JsonObject): JsonObject {
  if (request.reasoningEffort === undefined) return {};
  return { reasoning: { ...(isObject(members.reasoning) ? members.reasoning : {}), effort: request.reasoningEffort } };
}

function writeInclude(request: ModelRequest, quirks: Quirks, members: JsonObject): JsonObject {
  const include = new Set(isList(members.include) ? members.include : []);
  const scores = request.logprobs !== undefined && !quirks.noLogprobs;
  if (scores) include.add(LOGPROBS);
  // Nothing is stored, so later turns need the reasoning with them. Models that do not reason refuse to be asked for it.
  if (request.reasoningEffort !== undefined && request.reasoningEffort !== 'none' && members.store !== true)
    include.add(ENCRYPTED_REASONING);
  return {
    ...(include.size === 0 ? {} : { include: [...include] }),
    ...(scores && request.logprobs !== undefined && request.logprobs.top > 0 ? { top_logprobs: request.logprobs.top } : {}),
  };
}

function writeTools(request: ModelRequest, standIn: JsonObject | null, members: JsonObject): JsonObject {
  const kept = isList(members.tools) ? members.tools : [];
  const own: JsonObject[] = (request.tools ?? []).map((tool) => ({
    ...membersFor(PROTOCOL, tool.extras),
    type: 'function',
    name: tool.name,
    ...(tool.description === null ? {} : { description: tool.description }),
    parameters: tool.parameters,
    // An absent strict means true to this API and false to the others.
    strict: tool.strict ?? false,
  }));
  const tools = [...kept, ...own, ...(standIn === null ? [] : [standIn])];
  if (tools.length === 0) return {};
  const choice = request.toolChoice;
  const forced = tools.length > 1 ? 'required' : { type: 'function', name: STRUCTURED_TOOL };
  const wanted = choice === undefined || typeof choice === 'string' ? choice : { type: 'function', name: choice.name };
  const written = standIn === null ? wanted : forced;
  return {
    tools,
    ...(written === undefined ? {} : { tool_choice: written }),
    ...(request.parallelToolCalls === undefined ? {} : { parallel_tool_calls: request.parallelToolCalls }),
  };
}

/** One message of ours is one or several items here: calls, results and reasoning stand by themselves. */
function writeMessage(message: Message, quirks: Quirks): JsonObject[] {
  const items: JsonObject[] = [];
  const extras = membersFor(PROTOCOL, message.extras);
  const role = message.role === 'system' ? (quirks.systemRole ?? 'system') : message.role;
  let content: JsonObject[] = [];
  const flush = (): void => {
    if (content.length > 0) items.push({ type: 'message', role, content, ...extras });
    content = [];
  };
  for (const part of message.content) {
    const inside = contentPart(part, message.role);
    if (inside !== null) {
      content.push(inside);
      continue;
    }
    const item = itemOf(part);
    if (item === null) continue;
    flush();
    items.push(item);
  }
  flush();
  return items;
}

/** A part that lies inside a message item; null for one that is an item, or nothing. */
function contentPart(part: Part, role: Message['role']): JsonObject | null {
  switch (part.type) {
    case 'text':
      return { ...membersFor(PROTOCOL, part.extras), type: role === 'assistant' ? 'output_text' : 'input_text', text: part.text };
    case 'refusal':
      return { type: 'refusal', refusal: part.text };
    case 'image':
      return { detail: 'auto', ...membersFor(PROTOCOL, part.extras), type: 'input_image', image_url: writeImageUrl(part) };
    case 'pdf':
      return { ...membersFor(PROTOCOL, part.extras), type: 'input_file', ...writePdfFile(part) };
    case 'opaque':
      return part.protocol === PROTOCOL && isObject(part.value) && isContentType(part.value.type) ? part.value : null;
    default:
      return null;
  }
}

function isContentType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('input_');
}

function itemOf(part: Part): JsonObject | null {
  switch (part.type) {
    case 'tool-call':
      return { type: 'function_call', call_id: part.id, name: part.name, arguments: part.arguments };
    case 'tool-result': {
      const only = part.content[0];
      const bare = part.content.length === 1 && only?.type === 'text' && only.extras?.protocol !== PROTOCOL;
      const written = bare ? only.text : part.content.map((inner) => contentPart(inner, 'user')).filter((inner) => inner !== null);
      return { type: 'function_call_output', call_id: part.id, output: part.content.length === 0 ? '' : written };
    }
    case 'thinking': {
      const members = membersFor(PROTOCOL, part.extras);
      const signed = part.signature !== null && (part.protocol === undefined || part.protocol === PROTOCOL);
      // Without its encrypted content only an item that the provider stored can be named again.
      if (!signed && members.id === undefined) return null;
      const summary = part.text === '' ? [] : [{ type: 'summary_text', text: part.text }];
      return { ...members, type: 'reasoning', summary, ...(signed ? { encrypted_content: part.signature } : {}) };
    }
    case 'opaque':
      return part.protocol === PROTOCOL && isObject(part.value) ? part.value : null;
    default:
      return null;
  }
}
