import type { Json, ModelEvent } from '../../../core/index.ts';
import { usageFromOpenAiResponses } from '../../../pricing/index.ts';
import type { SseFrame } from '../../sse/index.ts';
import { endEvent, failureOf, unreadable } from '../end-event.ts';
import { isList, isObject, parseJson } from '../shape.ts';
import type { JsonObject, Reading, StreamReader } from '../types.ts';
import { ItemReader, startOf, textEvent, thinking } from './read-answer.ts';

interface OpenCall {
  /** Null for the stand-in tool, whose arguments are text. */
  readonly index: number | null;
  streamed: boolean;
}

/** Reads a streamed response. It ends with a final response event; what came only whole, without deltas, is read as well. */
export class ResponseStreamReader implements StreamReader {
  readonly #items: ItemReader;
  /** Open calls by output index. */
  readonly #calls = new Map<number, OpenCall>();
  /** Parts whose deltas were seen, by output index and part. */
  readonly #streamed = new Set<string>();
  readonly #finished = new Set<number>();
  #started = false;
  #ended = false;

  constructor(reading: Reading = {}) {
    this.#items = new ItemReader(reading);
  }

  push(frame: SseFrame): ModelEvent[] {
    if (this.#ended || frame.data === '' || frame.data.startsWith('[DONE]')) return [];
    const json = parseJson(frame.data);
    if (!isObject(json)) return this.#fail(unreadable('an event that is no JSON object'));
    const type = typeof json.type === 'string' ? json.type : frame.event;
    if (type === 'error' || (type === null && isObject(json.error))) return this.#fail(failureOf(json.error ?? { ...json, type: null }));
    return type === null ? [] : this.#event(type, json);
  }

  finish(): ModelEvent[] {
    if (this.#ended) return [];
    this.#ended = true;
    return [endEvent('cut', { normalise: usageFromOpenAiResponses })];
  }

  #event(type: string, json: JsonObject): ModelEvent[] {
    const at = typeof json.output_index === 'number' ? json.output_index : -1;
    switch (type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#start(json.response);
      case 'response.output_item.added':
        return isObject(json.item) ? this.#added(at, json.item) : [];
      case 'response.output_text.delta':
        this.#streamed.add(`${at}:text`);
        return textEvent(json.delta, json.logprobs);
      case 'response.refusal.delta':
        this.#streamed.add(`${at}:text`);
        return this.#items.refusal(json.delta);
      case 'response.reasoning_summary_part.added':
        return this.#streamed.has(`${at}:thinking`) ? [thinking('\n\n')] : [];
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        this.#streamed.add(`${at}:thinking`);
        return typeof json.delta === 'string' && json.delta !== '' ? [thinking(json.delta)] : [];
      case 'response.function_call_arguments.delta':
        return this.#arguments(at, json.delta);
      case 'response.output_text.annotation.added':
        return [{ type: 'annotation', protocol: 'openai-responses', value: json.annotation as Json }];
      case 'response.output_item.done':
        return isObject(json.item) ? this.#done(at, json.item) : [];
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
        return this.#final(json.response);
      default:
        return [];
    }
  }

  #start(response: unknown): ModelEvent[] {
    if (this.#started || !isObject(response)) return [];
    this.#started = true;
    return [startOf(response)];
  }

  #added(at: number, item: JsonObject): ModelEvent[] {
    if (item.type !== 'function_call') return [];
    // The item with its arguments left out says who is called.
    const events = this.#items.item({ ...item, arguments: '' });
    const call = events[0];
    this.#calls.set(at, { index: call?.type === 'tool-call' ? call.index : null, streamed: false });
    return [...events, ...(typeof item.arguments === 'string' ? this.#arguments(at, item.arguments) : [])];
  }

  #arguments(at: number, delta: unknown): ModelEvent[] {
    const call = this.#calls.get(at);
    if (call === undefined || typeof delta !== 'string' || delta === '') return [];
    call.streamed = true;
    if (call.index === null) return textEvent(delta, null);
    return [{ type: 'tool-call', index: call.index, id: null, name: null, arguments: delta }];
  }

  #done(at: number, item: JsonObject): ModelEvent[] {
    this.#finished.add(at);
    switch (item.type) {
      case 'message':
        return this.#streamed.has(`${at}:text`) ? [] : this.#items.item(item);
      case 'reasoning':
        return this.#streamed.has(`${at}:thinking`) ? this.#items.signature(item) : this.#items.item(item);
      case 'function_call': {
        const call = this.#calls.get(at);
        if (call === undefined) return this.#items.item(item);
        return call.streamed ? [] : this.#arguments(at, item.arguments);
      }
      default:
        return this.#items.item(item);
    }
  }

  #final(response: unknown): ModelEvent[] {
    if (!isObject(response)) return this.#fail(unreadable('an end without its response'));
    const events = this.#start(response);
    // Some servers put whole items only here.
    for (const [at, item] of (isList(response.output) ? response.output : []).entries()) {
      const seen =
        this.#finished.has(at) || this.#calls.has(at) || this.#streamed.has(`${at}:text`) || this.#streamed.has(`${at}:thinking`);
      if (!seen && isObject(item)) events.push(...this.#items.item(item));
    }
    this.#ended = true;
    return [...events, this.#items.end(response)];
  }

  #fail(failure: ReturnType<typeof failureOf>): ModelEvent[] {
    this.#ended = true;
    return [endEvent('cut', { normalise: usageFromOpenAiResponses, failure })];
  }
}
