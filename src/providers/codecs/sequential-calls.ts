import type { ModelEvent } from '../../core/index.ts';
import { isObject, parseJson } from './shape.ts';

/**
 * Brings interleaved tool calls into order: one call is finished before the next piece of the answer begins, because
 * clients of block-wise protocols close a block when another opens. What must wait is held, never dropped or merged.
 * A call is taken to be finished when its arguments are a complete JSON object, or at the end.
 */
export class SequentialCalls {
  #open: { readonly index: number; arguments: string } | null = null;
  #waiting: ModelEvent[] = [];

  /** Takes an event and returns what can be told now. */
  push(event: ModelEvent): ModelEvent[] {
    const open = this.#open;
    if (event.type === 'tool-call' && open !== null && event.index === open.index) {
      open.arguments += event.arguments;
      return this.#waiting.length > 0 && isComplete(open.arguments) ? [event, ...this.#release()] : [event];
    }
    if (open !== null && (this.#waiting.length > 0 || !isComplete(open.arguments))) {
      this.#waiting.push(event);
      return [];
    }
    this.#open = event.type === 'tool-call' ? { index: event.index, arguments: event.arguments } : null;
    return [event];
  }

  /** The answer is over: gives out everything that still waits. */
  flush(): ModelEvent[] {
    const events: ModelEvent[] = [];
    while (this.#waiting.length > 0) for (const event of this.#release()) events.push(event);
    this.#open = null;
    return events;
  }

  #release(): ModelEvent[] {
    const held = this.#waiting;
    this.#waiting = [];
    this.#open = null;
    return held.flatMap((event) => this.push(event));
  }
}

function isComplete(text: string): boolean {
  return text.endsWith('}') && isObject(parseJson(text));
}
