import type { ModelEvent } from '../../../core/index.ts';
import { mergeStreamedUsage, usageFromOpenAiChat } from '../../../pricing/index.ts';
import type { SseFrame } from '../../sse/index.ts';
import { endEvent, failureOf, unreadable } from '../end-event.ts';
import { isList, isObject, parseJson } from '../shape.ts';
import type { JsonObject, Reading, StreamReader } from '../types.ts';
import { DeltaReader, endOf, said, startOf } from './read-answer.ts';

/**
 * Reads a streamed chat completion. The end is known from a finish reason: `[DONE]` alone is a close, not an end, and
 * usage may come in the last chunk, in one without choices, or in every one.
 */
export class ChatStreamReader implements StreamReader {
  readonly #delta: DeltaReader;
  #started = false;
  #ended = false;
  #finish: string | null = null;
  #choice: JsonObject = {};
  #usage: unknown = null;
  #tier: unknown = null;

  constructor(reading: Reading = {}) {
    this.#delta = new DeltaReader(reading);
  }

  push(frame: SseFrame): ModelEvent[] {
    if (this.#ended || frame.data === '') return [];
    if (frame.data.startsWith('[DONE]')) return this.finish();
    const json = parseJson(frame.data);
    if (!isObject(json)) return this.#fail(unreadable('a chunk that is no JSON object'));
    // Whatever names an error ends the stream: a finish reason in the same chunk is not believed.
    if (json.error !== undefined && json.error !== null) return this.#fail(failureOf(json.error));
    if (frame.event === 'error') return this.#fail(failureOf(json));
    return this.#chunk(json);
  }

  finish(): ModelEvent[] {
    if (this.#ended) return [];
    this.#ended = true;
    if (this.#finish !== null) return [endOf(this.#finish, this.#delta, this.#choice, this.#usage, this.#tier)];
    return [endEvent('cut', { rawUsage: this.#usage, normalise: usageFromOpenAiChat, serviceTier: this.#tier })];
  }

  #chunk(json: JsonObject): ModelEvent[] {
    const events: ModelEvent[] = [];
    if (!this.#started) {
      this.#started = true;
      events.push(startOf(json));
    }
    if (isObject(json.usage)) this.#usage = mergeStreamedUsage(this.#usage, json.usage);
    if (typeof json.service_tier === 'string') this.#tier = json.service_tier;
    const choice = isList(json.choices) ? json.choices.find((c) => isObject(c) && (c.index ?? 0) === 0) : undefined;
    if (!isObject(choice)) return events;
    // Some servers put usage inside the last choice.
    if (isObject(choice.usage)) this.#usage = mergeStreamedUsage(this.#usage, choice.usage);
    const delta = choice.delta ?? choice.message;
    if (isObject(delta)) for (const event of this.#delta.read(delta, choice.logprobs)) events.push(event);
    const finish = said(choice.finish_reason);
    if (finish !== null) {
      this.#finish = finish;
      this.#choice = choice;
    }
    return events;
  }

  #fail(failure: ReturnType<typeof failureOf>): ModelEvent[] {
    this.#ended = true;
    return [endEvent('cut', { rawUsage: this.#usage, normalise: usageFromOpenAiChat, failure, serviceTier: this.#tier })];
  }
}
