import { calledTools, tierOf } from '../answer-body.ts';
import { taskName } from '../hints.ts';
import { type CallDraft, type Counted, draftOf, type Importer, skip } from '../import-types.ts';
import { flatText, readMessages, readRequest, toolNames } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  between,
  dollarsOf,
  firstText,
  type JsonRecord,
  jsonOf,
  listOf,
  objectOf,
  shortError,
  textOf,
  timeOf,
  unpacked,
  unpackedObject,
} from '../values.ts';
import { langfuseCounts } from './langfuse.ts';
import { attributeList, attributeNumber, attributesOf, attributeText, indexedElements, type SpanAttributes } from './span-attributes.ts';
import { aroundCalls, modelOperations, attributeNames as names, spanKinds } from './span-dialects.ts';

const EVENT = 'gen_ai.client.inference.operation.details';

/**
 * Spans of OpenTelemetry (OTLP/JSON, or rows with plain attributes): the GenAI convention, and the older dialects of `span-dialects`.
 * Only spans of model calls count; those of agents, tools and whole generations hold sums over the others.
 */
export const otlp: Importer = {
  source: 'otlp',
  title: 'OpenTelemetry spans',
  matches: (row) => 'attributes' in row && (spanId(row) !== null || 'startTimeUnixNano' in row || 'timeUnixNano' in row),
  read(row) {
    if (!('attributes' in row)) return skip('not a span');
    const attributes = attributesOf(row.attributes);
    const reason = whyNot(row, attributes);
    return reason === null ? { kind: 'call', draft: { ...bodies(attributes), ...facts(row, attributes) } } : skip(reason);
  },
};

function spanId(row: JsonRecord): string | null {
  return firstText(row, 'spanId', 'span_id') ?? firstText(objectOf(row.context), 'span_id');
}

/** Why a span is no model call; null when it is one. */
function whyNot(row: JsonRecord, attributes: SpanAttributes): string | null {
  if ('timeUnixNano' in row && !('startTimeUnixNano' in row)) {
    const event = textOf(row.eventName) ?? textOf(attributes.get('event.name'));
    return event === EVENT ? null : 'no model call (a log record)';
  }
  const operation = attributeText(attributes, names.operation);
  if (operation !== null) return modelOperations.has(operation) ? null : `no model call (${operation.slice(0, 40)})`;
  for (const [name, calls] of spanKinds) {
    const kind = textOf(attributes.get(name));
    if (kind !== null) return calls.test(kind) ? null : `no model call (${kind.slice(0, 40)})`;
  }
  const model = attributeText(attributes, names.requestModel) ?? attributeText(attributes, names.responseModel);
  if (model === null) return 'no model call (a span without a model)';
  return aroundCalls.some((name) => attributes.has(name)) ? 'no model call (a span around calls)' : null;
}

function facts(row: JsonRecord, attributes: SpanAttributes): Partial<CallDraft> {
  const start = timeOf(row.startTimeUnixNano ?? row.timeUnixNano ?? row.start_time ?? row.start_timestamp ?? row.startTime);
  const end = timeOf(row.endTimeUnixNano ?? row.end_time ?? row.end_timestamp ?? row.endTime);
  const id = spanId(row);
  const tier = tierOf(attributeText(attributes, names.serviceTier) ?? undefined);
  const counted = countsOf(attributes);
  const model = attributeText(attributes, names.requestModel);
  const served = attributeText(attributes, names.responseModel);
  const error = errorOf(row, attributes);
  const chunk = attributeNumber(attributes, ['gen_ai.response.time_to_first_chunk', 'gen_ai.server.time_to_first_token']);
  const tag = attributeText(attributes, names.tag);
  return {
    callId: attributeText(attributes, names.responseId) ?? id,
    // An event tells the same as its span.
    identity: id,
    at: start,
    provider: attributeText(attributes, names.provider),
    model: model ?? served ?? '',
    servedModel: served,
    endpoint: attributeText(attributes, names.operation) ?? textOf(attributes.get('ai.operationId')),
    usage: counted.usage,
    flags: [...counted.flags, ...tier.flags],
    serviceTier: tier.serviceTier,
    reportedCost: dollarsOf(
      attributeNumber(attributes, names.cost) ?? unpackedObject(attributes.get('langfuse.observation.cost_details'))?.total,
    ),
    latencyMs: between(start, end),
    firstTokenMs: chunk === null ? attributeNumber(attributes, ['ai.response.msToFirstChunk']) : chunk * 1000,
    status: error === null ? 'ok' : 'error',
    error,
    hints: {
      tag: tag === null ? null : taskName(tag),
      functionId: taskName(attributeText(attributes, names.functionId)),
      promptName: taskName(attributeText(attributes, names.promptName)),
      route: taskName(attributeText(attributes, names.route)),
    },
    conversation:
      attributeText(attributes, names.conversation) ??
      firstText(row, 'traceId', 'trace_id') ??
      firstText(objectOf(row.context), 'trace_id'),
    key: attributeText(attributes, names.user),
    team: attributeText(attributes, names.team),
    params: { temperature: attributeNumber(attributes, names.temperature), maxTokens: attributeNumber(attributes, names.maxTokens) },
  };
}

function errorOf(row: JsonRecord, attributes: SpanAttributes): string | null {
  const status = objectOf(row.status);
  const code = status?.code ?? row.status_code;
  const failed = code === 2 || code === 'STATUS_CODE_ERROR' || code === 'ERROR';
  const type = textOf(attributes.get('error.type'));
  return failed || type !== null ? (shortError(status?.message) ?? type ?? 'error') : null;
}

/** The convention counts cached tokens inside the input and reasoning inside the output; so do OpenInference and the newer SDKs. */
function countsOf(attributes: SpanAttributes): Counted {
  const own = unpackedObject(attributes.get('langfuse.observation.usage_details'));
  if (own !== null) return langfuseCounts(own);
  const mlflow = unpackedObject(attributes.get('mlflow.chat.tokenUsage'));
  const number = (list: readonly string[]) => attributeNumber(attributes, list);
  const counts = {
    input: number(names.input) ?? attributeNumber(attributesOf(mlflow), ['input_tokens']),
    output: number(names.output) ?? attributeNumber(attributesOf(mlflow), ['output_tokens']),
    cacheRead: number(names.cacheRead),
    cacheWrite5m: number(names.cacheWrite),
    reasoning: number(names.reasoning),
    audioInput: number(names.audioInput),
    audioOutput: number(names.audioOutput),
    total: number(names.total),
  };
  return usageOfTool(counts, { cache: 'inside', reasoning: 'inside' });
}

const INPUTS = [
  'gen_ai.input.messages',
  'ai.prompt.messages',
  'ai.prompt',
  'gen_ai.prompt',
  'langfuse.observation.input',
  'mlflow.spanInputs',
  'input.value',
];
const OUTPUTS = ['gen_ai.output.messages', 'gen_ai.completion', 'llm.output_messages', 'langfuse.observation.output'];

function bodies(attributes: SpanAttributes): CallDraft {
  const said = readMessages(messagesIn(attributes));
  const instruction = flatText(unpacked(attributes.get('gen_ai.system_instructions'))) ?? textOf(attributes.get('ai.prompt.system'));
  const request = readRequest(
    unpackedObject(attributes.get('gcp.vertex.agent.llm_request')) ?? unpackedObject(attributes.get('mlflow.spanInputs')),
  );
  const answer = answerIn(attributes);
  const declared = toolsIn(attributes);
  return draftOf({
    system: instruction === null ? (said.system ?? request.system) : said.system === null ? instruction : `${instruction}\n${said.system}`,
    userTexts: said.userTexts.length > 0 ? said.userTexts : request.userTexts,
    tools: declared.length > 0 ? declared : request.tools,
    responseFormat: formatIn(attributes),
    output: answer.output,
    toolCalls: answer.toolCalls,
    finish: answer.finish,
  });
}

function formatIn(attributes: SpanAttributes): CallDraft['responseFormat'] {
  for (const name of names.format) {
    const value = attributes.get(name);
    if (value !== undefined && value !== 'text') return jsonOf(unpacked(value));
  }
  return null;
}

function messagesIn(attributes: SpanAttributes): readonly unknown[] {
  const inference = indexedElements(attributes, 'llm.input_messages.', 'message.');
  if (inference.length > 0) return inference.map(withContents);
  const traceloop = indexedElements(attributes, 'gen_ai.prompt.');
  if (traceloop.length > 0) return traceloop.map((item) => ({ ...item, content: unpacked(item.content) }));
  const nested = attributeList(attributes, ['llm.input_messages']);
  if (nested.length > 0) return nested.map((item) => objectOf(item)?.message ?? item);
  const list = attributeList(attributes, INPUTS);
  if (list.length > 0) return list;
  const text = attributeText(attributes, INPUTS);
  return text === null ? [] : [text];
}

/** OpenInference spreads the parts of a content over attributes of their own: `contents.0.message_content.text`. */
function withContents(message: JsonRecord): JsonRecord {
  if (message.content !== undefined) return message;
  const texts = Object.entries(message).filter(([name]) => name.endsWith('message_content.text'));
  return { ...message, content: texts.map(([, text]) => ({ type: 'text', text })) };
}

function answerIn(attributes: SpanAttributes): Pick<CallDraft, 'output' | 'toolCalls' | 'finish'> {
  const spread =
    indexedElements(attributes, 'llm.output_messages.', 'message.')[0] ?? indexedElements(attributes, 'gen_ai.completion.')[0] ?? null;
  const listed = objectOf(attributeList(attributes, OUTPUTS)[0]);
  const message = spread === null ? (objectOf(listed?.message) ?? listed) : withContents(spread);
  const finishes = unpacked(attributes.get('gen_ai.response.finish_reasons'));
  const output =
    flatText(message?.content ?? textParts(message?.parts)) ??
    attributeText(attributes, [
      'ai.response.text',
      'ai.response.object',
      'ai.result.text',
      'ai.result.object',
      'output.value',
      'langfuse.observation.output',
    ]);
  const calls = unpacked(attributes.get('ai.response.toolCalls'));
  return {
    output,
    toolCalls: [...calledTools(message), ...partCalls(message), ...calledTools({ tool_calls: calls })],
    finish: textOf(listOf(finishes)[0]) ?? attributeText(attributes, names.finish) ?? firstText(message, 'finish_reason'),
  };
}

function textParts(parts: unknown): unknown {
  return Array.isArray(parts) ? parts.filter((part) => objectOf(part)?.type === 'text') : undefined;
}

/** Tool calls among the parts of the convention, and those that OpenInference and Traceloop spread over attributes. */
function partCalls(message: JsonRecord | null): readonly string[] {
  if (message === null) return [];
  const called: string[] = [];
  for (const item of listOf(message.parts)) {
    const part = objectOf(item);
    const name = part?.type === 'tool_call' ? textOf(part.name) : null;
    if (name !== null) called.push(name);
  }
  for (const [name, value] of Object.entries(message)) {
    if (/^tool_calls\.\d+\.(?:name|tool_call\.function\.name)$/.test(name) && typeof value === 'string') called.push(value);
  }
  return called;
}

function toolsIn(attributes: SpanAttributes): readonly string[] {
  const listed = attributeList(attributes, ['gen_ai.tool.definitions', 'ai.prompt.tools', 'model_request_parameters.function_tools']);
  if (listed.length > 0) return toolNames(listed.map(unpacked));
  const spread = indexedElements(attributes, 'llm.tools.').map((item) => unpackedObject(item['tool.json_schema']) ?? item);
  return toolNames(spread.length > 0 ? spread : indexedElements(attributes, 'llm.request.functions.'));
}
