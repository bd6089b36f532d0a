import type { ModelEvent } from '../../../core/index.ts';
import type { SseFrame } from '../../sse/index.ts';
import { failureOf, unreadable } from '../end-event.ts';
import { isObject, parseJson } from '../shape.ts';
import type { Reading, StreamReader } from '../types.ts';
import { MessageReader } from './read-answer.ts';

/** Reads a streamed message. It has ended when a stop reason came; a stream that stops before is cut. */
export class MessageStreamReader implements StreamReader {
  readonly #message: MessageReader;
  #ended = false;

  constructor(reading: Reading = {}) {
    this.#message = new MessageReader(reading);
  }

  push(frame: SseFrame): ModelEvent[] {
    if (this.#ended || frame.data === '') return [];
    const json = parseJson(frame.data);
    if (!isObject(json)) return this.#fail(unreadable('an event that is no JSON object'));
    const { index } = json;
    switch (json.type ?? frame.event) {
      case 'message_start':
        return isObject(json.message) ? [this.#message.start(json.message)] : this.#fail(unreadable('a start without its message'));
      case 'content_block_start':
        return isObject(json.content_block) ? this.#message.openBlock(index, json.content_block) : [];
      case 'content_block_delta':
        return isObject(json.delta) ? this.#message.delta(index, json.delta) : [];
      case 'content_block_stop':
        return this.#message.closeBlock(index);
      case 'message_delta':
        if (isObject(json.delta)) this.#message.ended(json.delta);
        this.#message.addUsage(json.usage);
        return [];
      case 'message_stop':
        return this.finish();
      case 'error':
        return this.#fail(failureOf(json.error));
      default:
        // Pings, and what later versions add.
        return [];
    }
  }

  finish(): ModelEvent[] {
    if (this.#ended) return [];
    this.#ended = true;
    return this.#message.end();
  }

  #fail(failure: ReturnType<typeof failureOf>): ModelEvent[] {
    this.#ended = true;
    return this.#message.fail(failure);
  }
}
