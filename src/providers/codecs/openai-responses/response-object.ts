import type { Json, ModelEvent, UpstreamFailure } from '../../../core/index.ts';
import { tierMember } from '../service-tier.ts';
import { isObject } from '../shape.ts';
import type { AnswerContext, JsonObject } from '../types.ts';
import { responsesUsage } from '../usage-json.ts';

type EndEvent = Extract<ModelEvent, { type: 'end' }>;

/** The id of a response on the wire. */
export function responseId(context: AnswerContext): string {
  return `resp_${context.id}`;
}

/** The id of an item: its kind's prefix, the response and its place. */
export function itemId(prefix: 'msg' | 'fc' | 'rs', context: AnswerContext, outputIndex: number): string {
  return `${prefix}_${context.id}_${outputIndex}`;
}

/** The call's id that the client answers with, for upstreams that give none. */
export function callId(context: AnswerContext, index: number, id: string | null): string {
  return id === null || id === '' ? `call_${context.id}_${index}` : id;
}

/** A response object: what was asked, echoed as this API does, around the output. */
export function responseObject(context: AnswerContext, output: readonly JsonObject[], state: JsonObject): JsonObject {
  const asked: JsonObject = context.client?.body ?? {};
  const echo = (key: string, fallback: Json): Json => asked[key] ?? fallback;
  const reasoning = isObject(asked.reasoning) ? asked.reasoning : {};
  return {
    id: responseId(context),
    object: 'response',
    created_at: context.created,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: echo('instructions', null),
    max_output_tokens: echo('max_output_tokens', null),
    metadata: echo('metadata', {}),
    model: context.model,
    output: output as Json,
    parallel_tool_calls: echo('parallel_tool_calls', true),
    previous_response_id: null,
    reasoning: { effort: null, summary: null, ...reasoning },
    store: false,
    temperature: echo('temperature', null),
    text: { format: { type: 'text' }, ...(isObject(asked.text) ? asked.text : {}) },
    tool_choice: echo('tool_choice', 'auto'),
    tools: echo('tools', []),
    top_logprobs: echo('top_logprobs', 0),
    top_p: echo('top_p', null),
    truncation: echo('truncation', 'disabled'),
    usage: null,
    user: echo('user', null),
    ...state,
  };
}

/** Status, reason and usage of an answer that ended. */
export function endState(end: EndEvent, refusedInWords: boolean): JsonObject {
  const usage = end.usage === null ? null : responsesUsage(end.usage);
  const tier = tierMember('openai', end.serviceTier);
  const reason = incompleteReason(end, refusedInWords);
  if (reason === null) return { status: 'completed', usage, ...tier };
  return { status: 'incomplete', incomplete_details: { reason }, usage, ...tier };
}

/** Why an answer is incomplete; null when it is complete. A refusal without words is a filter's. */
export function incompleteReason(end: EndEvent, refusedInWords: boolean): string | null {
  if (end.stop === 'length') return 'max_output_tokens';
  if (end.stop === 'content-filter' || (end.stop === 'refusal' && !refusedInWords)) return 'content_filter';
  return null;
}

const errorCodes: ReadonlySet<string | null> = new Set(['rate_limit_exceeded', 'invalid_prompt', 'server_error']);

/** The state of a response that failed. */
export function failedState(message: string, failure: UpstreamFailure | undefined): JsonObject {
  const code = failure !== undefined && errorCodes.has(failure.code) ? failure.code : 'server_error';
  return { status: 'failed', error: { code, message } };
}

/** An annotation in this API's words; null when it names no URL. */
export function annotationOf(event: Extract<ModelEvent, { type: 'annotation' }>): JsonObject | null {
  if (!isObject(event.value)) return null;
  if (event.protocol === 'openai-responses') return event.value;
  const from = isObject(event.value.url_citation) ? event.value.url_citation : event.value;
  if (typeof from.url !== 'string') return null;
  const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
  const title = typeof from.title === 'string' ? from.title : '';
  return { type: 'url_citation', url: from.url, title, start_index: number(from.start_index), end_index: number(from.end_index) };
}

/** Whether the client keeps reasoning itself and so must be given its encrypted form. */
export function wantsEncryptedReasoning(context: AnswerContext): boolean {
  const include = context.client?.body.include;
  return Array.isArray(include) && include.includes('reasoning.encrypted_content');
}
