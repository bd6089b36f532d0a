import type { Message, ModelRequest, Part, ResponseFormat } from '../../../core/index.ts';
import { writeImageUrl } from '../image-url.ts';
import { writePdfFile } from '../pdf-file.ts';
import { membersFor } from '../shape.ts';
import { STRUCTURED_TOOL, schemaInstruction } from '../structured-output.ts';
import type { JsonObject, Quirks, Reading, Target, WireRequest } from '../types.ts';

const PROTOCOL = 'openai-chat';

/** Writes a chat completion request. */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  const quirks = target.quirks ?? {};
  const format = formatFor(request, quirks);
  const messages = format.instruction === null ? request.messages : [...request.messages, format.instruction];
  const body: Record<string, unknown> = {
    ...membersFor(PROTOCOL, request.extras),
    model: target.model,
    messages: ordered(messages).flatMap((message) => writeMessage(message, quirks)),
    ...writeTools(request, format),
    ...format.body,
    ...(request.maxTokens === undefined ? {} : { [quirks.maxTokensField ?? 'max_tokens']: request.maxTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.stop === undefined || request.stop.length === 0
      ? {}
      : { stop: request.stop.length === 1 ? request.stop[0] : request.stop }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.reasoningEffort === undefined ? {} : { reasoning_effort: request.reasoningEffort }),
    ...(request.endUser === undefined ? {} : { user: request.endUser }),
    ...(request.logprobs === undefined || quirks.noLogprobs ? {} : writeLogprobsAsk(request.logprobs.top)),
    ...(target.stream ? { stream: true } : {}),
    ...(target.stream && !quirks.noStreamOptions ? { stream_options: { include_usage: true } } : {}),
  };
  for (const member of quirks.omit ?? []) delete body[member];
  return {
    path: '/chat/completions',
    headers: { 'content-type': 'application/json', accept: target.stream ? 'text/event-stream' : 'application/json' },
    body: body as JsonObject,
    reading: format.reading,
  };
}

/** An instruction that was added at the end belongs with the system messages at the top. */
function ordered(messages: readonly Message[]): readonly Message[] {
  const last = messages.at(-1);
  if (last?.role !== 'system') return messages;
  const rest = messages.slice(0, -1);
  const firstOther = rest.findIndex((message) => message.role !== 'system');
  return firstOther === -1 ? messages : [...rest.slice(0, firstOther), last, ...rest.slice(firstOther)];
}

function writeLogprobsAsk(top: number): JsonObject {
  return top > 0 ? { logprobs: true, top_logprobs: top } : { logprobs: true };
}

interface FormatPlan {
  readonly body: JsonObject;
  readonly instruction: Message | null;
  readonly tool: JsonObject | null;
  readonly reading: Reading;
}

const noFormat: FormatPlan = { body: {}, instruction: null, tool: null, reading: {} };

function formatFor(request: ModelRequest, quirks: Quirks): FormatPlan {
  const format: ResponseFormat = request.responseFormat ?? { type: 'text' };
  if (format.type === 'text') return noFormat;
  if (format.type === 'json') return { ...noFormat, body: { response_format: { type: 'json_object' } } };
  switch (quirks.structuredOutput ?? 'native') {
    case 'native': {
      const jsonSchema = { name: format.name, schema: format.schema, strict: format.strict };
      return { ...noFormat, body: { response_format: { type: 'json_schema', json_schema: jsonSchema } } };
    }
    case 'instruction': {
      const instruction = schemaInstruction(format.schema);
      return { ...noFormat, body: { response_format: { type: 'json_object' } }, instruction };
    }
    case 'tool': {
      const definition = { name: STRUCTURED_TOOL, description: 'Give the answer.', parameters: format.schema };
      return { ...noFormat, tool: { type: 'function', function: definition }, reading: { textTool: STRUCTURED_TOOL } };
    }
  }
}

function writeTools(request: ModelRequest, format: FormatPlan): JsonObject {
  const tools: JsonObject[] = (request.tools ?? []).map((tool) => ({
    ...membersFor(PROTOCOL, tool.extras),
    type: 'function',
    function: {
      name: tool.name,
      ...(tool.description === null ? {} : { description: tool.description }),
      parameters: tool.parameters,
      ...(tool.strict === undefined ? {} : { strict: tool.strict }),
    },
  }));
  const hasOwn = tools.length > 0;
  if (format.tool !== null) tools.push(format.tool);
  // Without tools, upstreams refuse a choice among them and a word on their parallel use.
  if (tools.length === 0) return {};
  const choice = request.toolChoice;
  const forced = hasOwn ? 'required' : { type: 'function', function: { name: STRUCTURED_TOOL } };
  const wanted = choice === undefined || typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
  const written = format.tool === null ? wanted : forced;
  return {
    tools,
    ...(written === undefined ? {} : { tool_choice: written }),
    ...(request.parallelToolCalls === undefined ? {} : { parallel_tool_calls: request.parallelToolCalls }),
  };
}

/** One message of ours is one or several on this wire: every tool result is a message of its own. */
function writeMessage(message: Message, quirks: Quirks): JsonObject[] {
  const extras = membersFor(PROTOCOL, message.extras);
  switch (message.role) {
    case 'system':
      return [{ role: quirks.systemRole ?? 'system', content: textContent(message.content), ...extras }];
    case 'user':
      return writeUser(message, extras);
    case 'assistant':
      return [writeAssistant(message, extras, quirks)];
  }
}

function writeUser(message: Message, extras: JsonObject): JsonObject[] {
  const written: JsonObject[] = [];
  const rest: Part[] = [];
  for (const part of message.content) {
    if (part.type !== 'tool-result') {
      rest.push(part);
      continue;
    }
    const content = textContent(part.content);
    written.push({ ...membersFor(PROTOCOL, part.extras), role: 'tool', tool_call_id: part.id, content });
    // Tool messages hold text only: what else a result shows follows as the user's.
    for (const inner of part.content) if (inner.type === 'image' || inner.type === 'pdf') rest.push(inner);
  }
  if (rest.length > 0 || written.length === 0) written.push({ role: 'user', content: userContent(rest), ...extras });
  return written;
}

function writeAssistant(message: Message, extras: JsonObject, quirks: Quirks): JsonObject {
  const calls: JsonObject[] = [];
  let text: string | null = null;
  let refusal: string | null = null;
  let thinking = '';
  for (const part of message.content) {
    if (part.type === 'text') text = (text ?? '') + part.text;
    else if (part.type === 'refusal') refusal = (refusal ?? '') + part.text;
    else if (part.type === 'thinking') thinking += part.text;
    else if (part.type === 'tool-call') {
      const what = { name: part.name, arguments: part.arguments };
      calls.push({ ...membersFor(PROTOCOL, part.extras), id: part.id, type: 'function', function: what });
    } else if (part.type === 'opaque' && part.protocol === PROTOCOL) calls.push(part.value as JsonObject);
  }
  return {
    role: 'assistant',
    content: text ?? (calls.length === 0 && refusal === null ? '' : null),
    ...(refusal === null ? {} : { refusal }),
    ...(thinking !== '' && quirks.reasoningInHistory ? { reasoning_content: thinking } : {}),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...extras,
  };
}

/** Text as a string where one piece says it all, else as parts. */
function textContent(parts: readonly Part[]): string | JsonObject[] {
  const texts = parts.filter((part) => part.type === 'text' || part.type === 'refusal');
  const only = texts[0];
  if (texts.length === 0 || only === undefined) return '';
  if (texts.length === 1 && membersFor(PROTOCOL, only.extras) === membersFor(PROTOCOL, undefined)) return only.text;
  return texts.map((part) => ({ ...membersFor(PROTOCOL, part.extras), type: 'text', text: part.text }));
}

function userContent(parts: readonly Part[]): string | JsonObject[] {
  if (parts.every((part) => part.type === 'text') && parts.length <= 1) return textContent(parts);
  const written: JsonObject[] = [];
  for (const part of parts) {
    if (part.type === 'text') written.push({ ...membersFor(PROTOCOL, part.extras), type: 'text', text: part.text });
    else if (part.type === 'image') {
      const members = membersFor(PROTOCOL, part.extras);
      const image = members.image_url as JsonObject | undefined;
      written.push({ ...members, type: 'image_url', image_url: { ...image, url: writeImageUrl(part) } });
    } else if (part.type === 'pdf') {
      const members = membersFor(PROTOCOL, part.extras);
      written.push({ ...members, type: 'file', file: { ...(members.file as JsonObject | undefined), ...writePdfFile(part) } });
    } else if (part.type === 'opaque' && part.protocol === PROTOCOL) written.push(part.value as JsonObject);
  }
  return written;
}
