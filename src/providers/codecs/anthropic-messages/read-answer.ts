import { inputTotal, type Json, type ModelEvent, type StopReason } from '../../../core/index.ts';
import { mergeStreamedUsage, usageFromAnthropic } from '../../../pricing/index.ts';
import { endEvent, failureOf, unreadable } from '../end-event.ts';
import { isList, isObject, parseJson } from '../shape.ts';
import { unwrapSignature } from '../signatures.ts';
import { inputText } from '../tool-input.ts';
import type { JsonObject, Reading } from '../types.ts';

const PROTOCOL = 'anthropic-messages';

/** Why a message ended. A paused turn and a full context window are no complete answers. */
function stopOf(reason: string): StopReason {
  switch (reason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
    case 'pause_turn':
      return 'length';
    case 'stop_sequence':
      return 'stop-sequence';
    case 'tool_use':
      return 'tool-call';
    case 'refusal':
      return 'refusal';
    default:
      return 'done';
  }
}

interface OpenBlock {
  readonly block: JsonObject;
  /** The number among the tool calls, null for other blocks. */
  readonly call: number | null;
  /** The stand-in tool, whose input is the answer's text. */
  readonly isText: boolean;
  input: string;
}

/** Reads blocks, deltas and the end of one message: a plain answer is a stream whose blocks come whole. */
export class MessageReader {
  readonly #textTool: string | undefined;
  readonly #open = new Map<unknown, OpenBlock>();
  #calls = 0;
  #usage: unknown = null;
  #stop: string | null = null;
  #stopSequence: unknown = null;
  #refusal: string | null = null;

  constructor(reading: Reading) {
    this.#textTool = reading.textTool;
  }

  start(message: JsonObject): ModelEvent {
    this.addUsage(message.usage);
    const usage = usageFromAnthropic(message.usage)?.usage ?? null;
    const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
    return {
      type: 'start',
      servedModel: text(message.model),
      fingerprint: null,
      upstreamId: text(message.id),
      inputTokens: usage === null ? null : inputTotal(usage),
    };
  }

  addUsage(usage: unknown): void {
    if (isObject(usage)) this.#usage = mergeStreamedUsage(withoutEstimate(this.#usage, usage), usage);
  }

  /** Notes why the message ended, from a message or a `message_delta`. */
  ended(from: JsonObject): void {
    if (typeof from.stop_reason !== 'string') return;
    this.#stop = from.stop_reason;
    this.#stopSequence = from.stop_sequence;
    const details = from.stop_details;
    if (isObject(details) && typeof details.explanation === 'string') this.#refusal = details.explanation;
  }

  openBlock(index: unknown, block: JsonObject): ModelEvent[] {
    switch (block.type) {
      case 'text':
        return typeof block.text === 'string' && block.text !== '' ? [{ type: 'text', text: block.text }] : [];
      case 'thinking':
        return [...this.#thinking(block.thinking), ...this.#signature(block.signature)];
      case 'tool_use': {
        const isText = block.name === this.#textTool && this.#textTool !== undefined;
        const call = isText ? null : this.#calls++;
        this.#open.set(index, { block, call, isText, input: '' });
        if (call === null) return [];
        const { id, name } = block;
        const named = { id: typeof id === 'string' ? id : null, name: typeof name === 'string' ? name : null };
        return [{ type: 'tool-call', index: call, ...named, arguments: '' }];
      }
      default:
        this.#open.set(index, { block, call: null, isText: false, input: '' });
        return [];
    }
  }

  delta(index: unknown, delta: JsonObject): ModelEvent[] {
    switch (delta.type) {
      case 'text_delta':
        return typeof delta.text === 'string' && delta.text !== '' ? [{ type: 'text', text: delta.text }] : [];
      case 'thinking_delta':
        return this.#thinking(delta.thinking);
      case 'signature_delta':
        return this.#signature(delta.signature);
      case 'citations_delta':
        return [{ type: 'annotation', protocol: PROTOCOL, value: delta.citation ?? null }];
      case 'input_json_delta': {
        const open = this.#open.get(index);
        const text = delta.partial_json;
        if (open === undefined || typeof text !== 'string' || text === '') return [];
        open.input += text;
        return this.#input(open, text);
      }
      default:
        return [];
    }
  }

  closeBlock(index: unknown): ModelEvent[] {
    const open = this.#open.get(index);
    if (open === undefined) return [];
    this.#open.delete(index);
    const { block } = open;
    if (open.call !== null || open.isText) {
      // Input that came whole with the block, or not at all: a call without arguments is a call with none.
      return open.input === '' ? this.#input(open, inputText(block.input)) : [];
    }
    const value = open.input === '' ? block : { ...block, input: parseJson(open.input) ?? open.input };
    return [{ type: 'opaque', protocol: PROTOCOL, value: value as Json }];
  }

  /** The end, as `cut` when no stop reason came. */
  end(): ModelEvent[] {
    const details = { rawUsage: this.#usage, normalise: usageFromAnthropic, serviceTier: this.#tier() };
    if (this.#stop === null) return [endEvent('cut', details)];
    const known = stopOf(this.#stop);
    const stop = known === 'tool-call' && this.#calls === 0 ? 'done' : known;
    const end = endEvent(stop, { ...details, stopSequence: this.#stopSequence });
    return this.#refusal === null ? [end] : [{ type: 'refusal', text: this.#refusal }, end];
  }

  fail(failure: ReturnType<typeof failureOf>): ModelEvent[] {
    return [endEvent('cut', { rawUsage: this.#usage, normalise: usageFromAnthropic, serviceTier: this.#tier(), failure })];
  }

  #tier(): unknown {
    return isObject(this.#usage) ? this.#usage.service_tier : null;
  }

  #input(open: OpenBlock, text: string): ModelEvent[] {
    if (open.isText) return [{ type: 'text', text }];
    return open.call === null ? [] : [{ type: 'tool-call', index: open.call, id: null, name: null, arguments: text }];
  }

  #thinking(text: unknown): ModelEvent[] {
    return typeof text === 'string' && text !== '' ? [{ type: 'thinking', text, signature: null, protocol: PROTOCOL }] : [];
  }

  #signature(text: unknown): ModelEvent[] {
    return typeof text === 'string' && text !== '' ? [{ type: 'thinking', text: '', ...unwrapSignature(text, PROTOCOL) }] : [];
  }
}

const inputCounts = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'] as const;

/**
 * The start's usage without input counts that the delta tells anew. Gateways can only estimate at the start, so the later
 * snapshot stands as a whole: the larger of each count would add an estimate to what turned out to be cached.
 */
function withoutEstimate(earlier: unknown, later: JsonObject): unknown {
  if (!isObject(earlier) || !inputCounts.some((key) => typeof later[key] === 'number' && later[key] > 0)) return earlier;
  const { input_tokens: _input, cache_creation_input_tokens: written, cache_read_input_tokens: _read, cache_creation, ...rest } = earlier;
  // The lifetimes of what was written are often told only at the start.
  return written === later.cache_creation_input_tokens && cache_creation !== undefined ? { ...rest, cache_creation } : rest;
}

/** Reads a whole message. */
export function readResponse(json: unknown, reading: Reading = {}): ModelEvent[] {
  const reader = new MessageReader(reading);
  if (!isObject(json)) return reader.fail(unreadable('an answer that is no JSON object'));
  if (isObject(json.error)) return reader.fail(failureOf(json.error));
  const events = [reader.start(json)];
  const content = json.content;
  if (!isList(content)) return [...events, ...reader.fail(unreadable('a message without content'))];
  for (const [index, block] of content.entries()) {
    if (!isObject(block)) continue;
    events.push(...reader.openBlock(index, block));
    const citations = block.type === 'text' && isList(block.citations) ? block.citations : [];
    for (const citation of citations) events.push({ type: 'annotation', protocol: PROTOCOL, value: citation });
    events.push(...reader.closeBlock(index));
  }
  reader.ended(json);
  return [...events, ...reader.end()];
}
