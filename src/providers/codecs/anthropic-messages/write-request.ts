import type { Message, ModelRequest, Part, ToolChoice } from '../../../core/index.ts';
import { exactObject } from '../exact-json.ts';
import { PDF } from '../pdf-file.ts';
import { isObject, membersFor } from '../shape.ts';
import { anthropicSchema, JSON_INSTRUCTION, STRUCTURED_TOOL, schemaInstruction } from '../structured-output.ts';
import type { JsonObject, Quirks, Reading, Target, WireRequest } from '../types.ts';

const PROTOCOL = 'anthropic-messages';

/** The version that this codec writes and reads. A client's own version goes on where bytes pass through. */
export const ANTHROPIC_VERSION = '2023-06-01';

/** `max_tokens` is required here: what is asked for when the caller set none. */
export const DEFAULT_MAX_TOKENS = 4096;

/** This wire's word for an effort: there is nothing below `low`, and `none` is what happens without thinking. */
function effortWord(effort: string | undefined): string | undefined {
  if (effort === 'none') return undefined;
  return effort === 'minimal' ? 'low' : effort;
}

/** Writes a Messages request. Seed and logprobs have no place here and are left out. */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  const quirks = target.quirks ?? {};
  const plan = planFormat(request, quirks);
  const members = membersFor(PROTOCOL, request.extras);
  const turns = writeTurns(plan.messages);
  const body: Record<string, unknown> = {
    ...members,
    model: target.model,
    max_tokens: maxTokensFor(request, members, quirks),
    ...turns,
    ...writeTools(request, plan.tool, members),
    ...writeOutput(request, plan.format, members),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop_sequences: request.stop }),
    ...(request.endUser === undefined ? {} : { metadata: { user_id: request.endUser } }),
    ...(target.stream ? { stream: true } : {}),
  };
  for (const member of quirks.omit ?? []) delete body[member];
  return {
    path: '/v1/messages',
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'text/event-stream' : 'application/json',
      'anthropic-version': ANTHROPIC_VERSION,
    },
    body: body as JsonObject,
    reading: plan.reading,
  };
}

/** The caller's limit, raised above a thinking budget, which has to fit into it. */
function maxTokensFor(request: ModelRequest, members: JsonObject, quirks: Quirks): number {
  const wanted = request.maxTokens ?? quirks.defaultMaxTokens ?? DEFAULT_MAX_TOKENS;
  const thinking = members.thinking;
  const budget = isObject(thinking) && typeof thinking.budget_tokens === 'number' ? thinking.budget_tokens : 0;
  return budget >= wanted ? budget + wanted : wanted;
}

interface FormatPlan {
  readonly messages: readonly Message[];
  readonly format: JsonObject | null;
  readonly tool: JsonObject | null;
  readonly reading: Reading;
}

function planFormat(request: ModelRequest, quirks: Quirks): FormatPlan {
  const format = request.responseFormat ?? { type: 'text' };
  const plain: FormatPlan = { messages: request.messages, format: null, tool: null, reading: {} };
  if (format.type === 'text') return plain;
  if (format.type === 'json') {
    // There is no "any JSON" here; OpenAI's json_object, too, wants it said in words.
    return { ...plain, messages: [...request.messages, { role: 'system', content: [{ type: 'text', text: JSON_INSTRUCTION }] }] };
  }
  switch (quirks.structuredOutput ?? 'native') {
    case 'native':
      return { ...plain, format: { type: 'json_schema', schema: anthropicSchema(format.schema) } };
    case 'instruction':
      return { ...plain, messages: [...request.messages, schemaInstruction(format.schema)] };
    case 'tool': {
      const tool = { name: STRUCTURED_TOOL, description: 'Give the answer.', input_schema: format.schema };
      return { ...plain, tool, reading: { textTool: STRUCTURED_TOOL } };
    }
  }
}

function writeOutput(request: ModelRequest, format: JsonObject | null, members: JsonObject): JsonObject {
  const effort = effortWord(request.reasoningEffort);
  if (format === null && effort === undefined) return {};
  const kept = isObject(members.output_config) ? members.output_config : {};
  return {
    output_config: {
      ...kept,
      ...(format === null ? {} : { format }),
      ...(effort === undefined ? {} : { effort }),
    },
  };
}

function writeTools(request: ModelRequest, standIn: JsonObject | null, members: JsonObject): JsonObject {
  const kept = Array.isArray(members.tools) ? (members.tools as JsonObject[]) : [];
  const own: JsonObject[] = (request.tools ?? []).map((tool) => ({
    ...membersFor(PROTOCOL, tool.extras),
    name: tool.name,
    ...(tool.description === null ? {} : { description: tool.description }),
    input_schema: isObject(tool.parameters) ? { type: 'object', ...tool.parameters } : { type: 'object' },
    ...(tool.strict === undefined ? {} : { strict: tool.strict }),
  }));
  const tools = [...kept, ...own, ...(standIn === null ? [] : [standIn])];
  if (tools.length === 0) return {};
  const forced: ToolChoice = tools.length > 1 ? 'required' : { name: STRUCTURED_TOOL };
  const choice = writeChoice(standIn === null ? request.toolChoice : forced, request.parallelToolCalls);
  return { tools, ...(choice === null ? {} : { tool_choice: choice }) };
}

function writeChoice(choice: ToolChoice | undefined, parallel: boolean | undefined): JsonObject | null {
  if (choice === undefined && parallel === undefined) return null;
  if (choice === 'none') return { type: 'none' };
  const flag = parallel === undefined ? {} : { disable_parallel_tool_use: !parallel };
  if (choice === undefined || choice === 'auto') return { type: 'auto', ...flag };
  return choice === 'required' ? { type: 'any', ...flag } : { type: 'tool', name: choice.name, ...flag };
}

/** System messages go to the top, turns of one role become one: two tool results answer in one turn. */
function writeTurns(messages: readonly Message[]): JsonObject {
  const system: JsonObject[] = [];
  const turns: { role: 'user' | 'assistant'; content: JsonObject[]; extras: JsonObject }[] = [];
  for (const message of messages) {
    const blocks = message.content.flatMap(writePart);
    if (blocks.length === 0) continue;
    if (message.role === 'system') {
      system.push(...blocks);
      continue;
    }
    const last = turns.at(-1);
    if (last?.role === message.role) last.content.push(...blocks);
    else turns.push({ role: message.role, content: blocks, extras: membersFor(PROTOCOL, message.extras) });
  }
  // A prompt of system messages alone is answered elsewhere; here somebody has to ask.
  if (turns.length === 0 && system.length > 0) turns.push({ role: 'user', content: system.splice(0), extras: {} });
  return {
    ...(system.length === 0 ? {} : { system: asContent(system) }),
    messages: turns.map((turn) => ({ ...turn.extras, role: turn.role, content: asContent(resultsFirst(turn.content)) })),
  };
}

/** Tool results must stand before anything else in their turn. */
function resultsFirst(blocks: readonly JsonObject[]): readonly JsonObject[] {
  const isResult = (block: JsonObject): boolean => block.type === 'tool_result';
  if (!blocks.some(isResult)) return blocks;
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

/** One bare text is written as a string. */
function asContent(blocks: readonly JsonObject[]): string | readonly JsonObject[] {
  const only = blocks[0];
  const bare = blocks.length === 1 && only !== undefined && only.type === 'text' && Object.keys(only).length === 2;
  return bare ? (only.text as string) : blocks;
}

/** Ids of other vendors may hold characters that are refused here; calls and results change alike, so they still match. */
function wireId(id: string): string {
  return /^[a-zA-Z0-9_-]+$/.test(id) ? id : id.replace(/[^a-zA-Z0-9_-]/g, '_') || 'call';
}

/** What the model wrote as arguments, as the object that is wanted here. */
export function toolInput(text: string): JsonObject {
  if (text.trim() === '') return {};
  return exactObject(text) ?? { arguments: text };
}

function writePart(part: Part): JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      // Empty text blocks are refused.
      return part.text === '' ? [] : [{ ...membersFor(PROTOCOL, part.extras), type: 'text', text: part.text }];
    case 'image': {
      const source =
        part.source.kind === 'url'
          ? { type: 'url', url: part.source.url }
          : { type: 'base64', media_type: part.mediaType, data: part.source.data };
      return [{ ...membersFor(PROTOCOL, part.extras), type: 'image', source }];
    }
    case 'pdf': {
      const source = { type: 'base64', media_type: PDF, data: part.data };
      return [{ ...membersFor(PROTOCOL, part.extras), type: 'document', source, ...(part.name === null ? {} : { title: part.name }) }];
    }
    case 'tool-call': {
      const extras = membersFor(PROTOCOL, part.extras);
      return [{ ...extras, type: 'tool_use', id: wireId(part.id), name: part.name, input: toolInput(part.arguments) }];
    }
    case 'tool-result': {
      const content = part.content.flatMap(writePart);
      return [
        {
          ...membersFor(PROTOCOL, part.extras),
          type: 'tool_result',
          tool_use_id: wireId(part.id),
          ...(content.length === 0 ? {} : { content: asContent(content) }),
          ...(part.isError ? { is_error: true } : {}),
        },
      ];
    }
    case 'thinking': {
      // Unsigned thinking, and thinking that another vendor signed, would be refused.
      const mine = part.signature !== null && (part.protocol === undefined || part.protocol === PROTOCOL);
      if (!mine) return [];
      return [{ ...membersFor(PROTOCOL, part.extras), type: 'thinking', thinking: part.text, signature: part.signature }];
    }
    case 'opaque':
      return part.protocol === PROTOCOL && isObject(part.value) ? [part.value] : [];
  }
}
