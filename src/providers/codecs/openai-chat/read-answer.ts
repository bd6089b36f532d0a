import type { ModelEvent, StopReason } from '../../../core/index.ts';
import { usageFromOpenAiChat } from '../../../pricing/index.ts';
import { endEvent, failureOf, unreadable } from '../end-event.ts';
import { readLogprobs } from '../logprobs.ts';
import { isList, isObject } from '../shape.ts';
import type { JsonObject, Reading } from '../types.ts';
import { ToolCallIndexes } from './tool-call-indexes.ts';

const PROTOCOL = 'openai-chat';

/** A string that says something: '' and other types are null. */
export function said(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The `start` event of a completion or a chunk. */
export function startOf(json: JsonObject): ModelEvent {
  return {
    type: 'start',
    servedModel: said(json.model),
    fingerprint: said(json.system_fingerprint),
    upstreamId: said(json.id),
    inputTokens: null,
  };
}

/** Why a choice ended. `refused` tells a refusal, which the wire calls an ordinary stop. */
export function stopOf(finishReason: string, refused: boolean, stopSequence: unknown): StopReason {
  switch (finishReason) {
    case 'length':
    case 'max_tokens':
      return 'length';
    case 'tool_calls':
    case 'function_call':
      return 'tool-call';
    case 'content_filter':
      return 'content-filter';
    default:
      if (refused) return 'refusal';
      return typeof stopSequence === 'string' ? 'stop-sequence' : 'done';
  }
}

/** What a message or a delta says, as events. One reader for both: a plain answer is one large delta. */
export class DeltaReader {
  readonly #indexes = new ToolCallIndexes();
  readonly #textTool: string | undefined;
  readonly #textIndexes = new Set<number>();
  refused = false;
  calledTool = false;

  constructor(reading: Reading) {
    this.#textTool = reading.textTool;
  }

  read(delta: JsonObject, logprobs: unknown): ModelEvent[] {
    const events: ModelEvent[] = [];
    // Thinking: DeepSeek, vLLM and others say reasoning_content, OpenRouter, Groq and Ollama say reasoning.
    const thinking = said(delta.reasoning_content) ?? said(delta.reasoning);
    if (thinking !== null) events.push({ type: 'thinking', text: thinking, signature: null });
    this.#readText(delta, logprobs, events);
    if (isList(delta.tool_calls)) for (const call of delta.tool_calls) this.#readCall(call, events);
    if (isObject(delta.function_call)) this.#readCall({ index: 0, function: delta.function_call }, events);
    return events;
  }

  #readText(delta: JsonObject, logprobs: unknown, events: ModelEvent[]): void {
    const scores = isObject(logprobs) ? logprobs : {};
    const ofText = readLogprobs(scores.content);
    const text = contentText(delta.content);
    if (text !== '' || ofText !== null) events.push({ type: 'text', text, ...(ofText === null ? {} : { logprobs: ofText }) });
    if (isList(delta.annotations)) {
      for (const value of delta.annotations) events.push({ type: 'annotation', protocol: PROTOCOL, value });
    }
    const refusal = said(delta.refusal);
    if (refusal === null) return;
    this.refused = true;
    const ofRefusal = readLogprobs(scores.refusal);
    events.push({ type: 'refusal', text: refusal, ...(ofRefusal === null ? {} : { logprobs: ofRefusal }) });
  }

  #readCall(call: unknown, events: ModelEvent[]): void {
    if (!isObject(call)) return;
    if (call.type === 'custom') {
      events.push({ type: 'opaque', protocol: PROTOCOL, value: call });
      return;
    }
    const what = isObject(call.function) ? call.function : {};
    const written = what.arguments;
    // Some servers answer with the arguments as an object, not as JSON text.
    const text = typeof written === 'string' ? written : isObject(written) ? JSON.stringify(written) : '';
    const placed = this.#indexes.place(call.index, said(call.id), said(what.name), text);
    if (placed.name !== null && placed.name === this.#textTool) this.#textIndexes.add(placed.index);
    if (this.#textIndexes.has(placed.index)) {
      if (text !== '') events.push({ type: 'text', text });
      return;
    }
    this.calledTool = true;
    events.push({ type: 'tool-call', ...placed, arguments: text });
  }
}

/** Content as text: a string, or parts of which the texts count (Mistral). */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!isList(content)) return '';
  return content.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

/** The end of a choice whose finish reason is known. */
export function endOf(finishReason: string, reader: DeltaReader, choice: JsonObject, usage: unknown, tier: unknown): ModelEvent {
  const stop = stopOf(finishReason, reader.refused, choice.stop_reason);
  // A stand-in tool's answer is text, and its end an ordinary end.
  const known = stop === 'tool-call' && !reader.calledTool ? 'done' : stop === 'done' && reader.calledTool ? 'tool-call' : stop;
  return endEvent(known, { rawUsage: usage, normalise: usageFromOpenAiChat, stopSequence: choice.stop_reason, serviceTier: tier });
}

/** Reads a whole chat completion. */
export function readResponse(json: unknown, reading: Reading = {}): ModelEvent[] {
  const normalise = usageFromOpenAiChat;
  if (!isObject(json)) return [endEvent('cut', { normalise, failure: unreadable('an answer that is no JSON object') })];
  if (isObject(json.error)) return [endEvent('cut', { normalise, failure: failureOf(json.error), rawUsage: json.usage })];
  const choice = isList(json.choices) ? json.choices[0] : undefined;
  if (!isObject(choice) || !isObject(choice.message)) {
    return [startOf(json), endEvent('cut', { normalise, rawUsage: json.usage, failure: unreadable('an answer without a choice') })];
  }
  const reader = new DeltaReader(reading);
  const message = choice.message;
  const calls = isList(message.tool_calls) ? message.tool_calls : [];
  // In a plain answer every entry is a call of its own, whatever ids and indexes it carries.
  const numbered = calls.map((call, index) => (isObject(call) ? { ...call, index } : call));
  const events = [startOf(json), ...reader.read({ ...message, tool_calls: numbered }, choice.logprobs)];
  const finish = said(choice.finish_reason);
  if (finish === null) events.push(endEvent('cut', { normalise, rawUsage: json.usage }));
  else events.push(endOf(finish, reader, choice, json.usage, json.service_tier));
  return events;
}
