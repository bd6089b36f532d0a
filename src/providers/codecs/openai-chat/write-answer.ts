import type { StopReason } from '../../../core/index.ts';
import { answerBlocks } from '../answer-blocks.ts';
import { writeLogprobs } from '../logprobs.ts';
import { tierMember } from '../service-tier.ts';
import { isObject } from '../shape.ts';
import type { AnswerContext, Codec, JsonObject } from '../types.ts';
import { chatUsage } from '../usage-json.ts';

/** The id of a completion on the wire. */
export function completionId(context: AnswerContext): string {
  return `chatcmpl-${context.id}`;
}

/** A tool call's id, for upstreams that give none: the same for every chunk of the same call. */
export function callId(context: AnswerContext, index: number, id: string | null): string {
  return id ?? `call_${context.id}_${index}`;
}

/** Why a choice ended. A refusal in words is an ordinary stop on this wire; one without words is a filter's. */
export function finishReason(stop: Exclude<StopReason, 'cut'>, refusedInWords: boolean, calledTool: boolean): string {
  switch (stop) {
    case 'length':
      return 'length';
    case 'tool-call':
      return 'tool_calls';
    case 'content-filter':
      return 'content_filter';
    case 'refusal':
      return refusedInWords ? 'stop' : 'content_filter';
    case 'done':
    case 'stop-sequence':
      return calledTool ? 'tool_calls' : 'stop';
  }
}

/** A citation as chat completions write it, from the words of any protocol; null when it names no URL. */
export function urlCitation(protocol: string, value: unknown): JsonObject | null {
  if (!isObject(value)) return null;
  if (protocol === 'openai-chat') return value;
  const { url, title } = value;
  if (typeof url !== 'string') return null;
  const number = (index: unknown): number => (typeof index === 'number' ? index : 0);
  const span = { start_index: number(value.start_index), end_index: number(value.end_index) };
  return { type: 'url_citation', url_citation: { url, title: typeof title === 'string' ? title : '', ...span } };
}

/** Writes a whole chat completion. */
export const writeResponse: Codec['writeResponse'] = (events, context) => {
  const { start, blocks, end } = answerBlocks(events);
  const asked = context.client?.logprobs ?? null;
  let text: string | null = null;
  let refusal: string | null = null;
  let thinking = '';
  const content: JsonObject[] = [];
  const refused: JsonObject[] = [];
  const calls: JsonObject[] = [];
  const annotations: JsonObject[] = [];
  for (const block of blocks) {
    if (block.type === 'text') {
      text = (text ?? '') + block.text;
      if (asked !== null && block.logprobs !== null) content.push(...writeLogprobs(block.logprobs, asked.top));
      for (const one of block.annotations) annotations.push(...[urlCitation(one.protocol, one.value)].filter((c) => c !== null));
    } else if (block.type === 'refusal') {
      refusal = (refusal ?? '') + block.text;
      if (asked !== null && block.logprobs !== null) refused.push(...writeLogprobs(block.logprobs, asked.top));
    } else if (block.type === 'thinking') thinking += block.text;
    else if (block.type === 'tool-call') {
      const what = { name: block.name, arguments: block.arguments };
      calls.push({ id: callId(context, block.index, block.id), type: 'function', function: what });
    } else if (block.protocol === 'openai-chat' && isObject(block.value)) calls.push(block.value);
  }
  const message = {
    role: 'assistant',
    content: text ?? (calls.length === 0 && refusal === null ? '' : null),
    refusal,
    annotations,
    ...(thinking === '' ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const logprobs = asked !== null && content.length + refused.length > 0;
  const scores = logprobs ? { content: content.length > 0 ? content : null, refusal: refused.length > 0 ? refused : null } : null;
  const reason = finishReason(end.stop === 'cut' ? 'length' : end.stop, refusal !== null, calls.length > 0);
  return {
    id: completionId(context),
    object: 'chat.completion',
    created: context.created,
    model: context.model,
    choices: [{ index: 0, message, logprobs: scores, finish_reason: reason }],
    ...(end.usage === null ? {} : { usage: chatUsage(end.usage) }),
    ...tierMember('openai', end.serviceTier),
    ...(start?.fingerprint == null ? {} : { system_fingerprint: start.fingerprint }),
  };
};
