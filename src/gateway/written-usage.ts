import { type ModelEvent, type Usage, usage, writtenWith } from '../core/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { countText } from './cascade-request.ts';
import { completedUsage, isPlausible } from './counting.ts';

type End = Extract<ModelEvent, { type: 'end' }>;

/**
 * Counts what the models of one request write, for no call is booked as if it were nothing: where an upstream says nothing of its
 * usage, says what cannot be, or breaks off. Thinking and calls of tools are written as well, though an answer's text holds neither.
 */
export class WrittenUsage {
  readonly #inputTokens: number;
  readonly #countTokens: (text: string) => number;
  readonly #written = new Map<string, string>();

  constructor(inputTokens: number, countTokens: (text: string) => number) {
    this.#inputTokens = inputTokens;
    this.#countTokens = countTokens;
  }

  /** The same client, heard. An end whose counts cannot be trusted is corrected; one without counts is left without. */
  listen(model: string, client: ModelClient): ModelClient {
    return {
      call: (request, context) => {
        this.#written.set(model, '');
        const events = client.call(request, context)[Symbol.asyncIterator]();
        // No generator: one that waits for its client could not be closed before that answers.
        return {
          [Symbol.asyncIterator]: () => ({
            next: async () => {
              const step = await events.next();
              return step.done ? step : { done: false, value: this.#hear(model, step.value) };
            },
            return: async () => (await events.return?.()) ?? { done: true, value: undefined },
          }),
        };
      },
    };
  }

  /** The prompt, and what the model has written so far. */
  of(model: string): Usage {
    const text = this.#written.get(model) ?? '';
    return usage({ freshInput: this.#inputTokens, output: text === '' ? 0 : countText(text, this.#countTokens) });
  }

  #hear(model: string, event: ModelEvent): ModelEvent {
    if (event.type === 'end') return this.#checked(model, event);
    const text = writtenWith(event);
    if (text !== '') this.#written.set(model, (this.#written.get(model) ?? '') + text);
    return event;
  }

  #checked(model: string, end: End): End {
    // What a student says of itself, which writes no tokens, is not an upstream's word.
    if (end.usage === null || end.usageSource !== 'reported' || end.recorded !== undefined) return end;
    if (end.stop !== 'cut' && isPlausible(end.usage, this.#written.get(model) ?? '')) return end;
    return { ...end, usage: completedUsage(end.usage, this.of(model)), usageSource: 'counted' };
  }
}
