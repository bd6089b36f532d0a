import type { ModelEvent, RecordedSignals, StopReason, TokenLogprob } from './event.ts';
import type { Usage, UsageSource } from './usage.ts';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text as the model wrote it; may be invalid. */
  readonly arguments: string;
}

/** A whole answer: what a stream of events adds up to. */
export interface Answer {
  readonly text: string;
  readonly refusal: string | null;
  readonly toolCalls: readonly ToolCall[];
  readonly stop: StopReason;
  readonly usage: Usage | null;
  readonly usageSource: UsageSource;
  /** Null when the provider gave none, which is not the same as an empty list. */
  readonly logprobs: readonly TokenLogprob[] | null;
  readonly recorded: RecordedSignals | null;
  readonly servedModel: string | null;
  readonly fingerprint: string | null;
  /** What the model thought aloud, which is paid for as its text is; absent where there is none. */
  readonly thinking?: string;
}

/** Adds events up to an answer. Events that end without `end` give an answer with stop `cut`: it looks cut because it is. */
export async function collect(events: AsyncIterable<ModelEvent> | Iterable<ModelEvent>): Promise<Answer> {
  const collector = new AnswerCollector();
  for await (const event of events) collector.add(event);
  return collector.answer();
}

/** The same as `collect`, an event at a time, for callers that also forward the events. */
export class AnswerCollector {
  #text = '';
  #thinking = '';
  #refusal: string | null = null;
  readonly #tools = new Map<number, { id: string; name: string; arguments: string }>();
  #logprobs: TokenLogprob[] | null = null;
  #end: Extract<ModelEvent, { type: 'end' }> | null = null;
  #start: Extract<ModelEvent, { type: 'start' }> | null = null;

  add(event: ModelEvent): void {
    switch (event.type) {
      case 'start':
        this.#start = event;
        break;
      case 'text':
        this.#text += event.text;
        if (event.logprobs) {
          this.#logprobs ??= [];
          for (const item of event.logprobs) this.#logprobs.push(item);
        }
        break;
      case 'refusal':
        this.#refusal = (this.#refusal ?? '') + event.text;
        break;
      case 'tool-call': {
        const call = this.#tools.get(event.index) ?? { id: '', name: '', arguments: '' };
        this.#tools.set(event.index, {
          id: event.id ?? call.id,
          name: event.name ?? call.name,
          arguments: call.arguments + event.arguments,
        });
        break;
      }
      case 'thinking':
        this.#thinking += event.text;
        break;
      case 'annotation':
      case 'opaque':
        break;
      case 'end':
        this.#end = event;
        break;
    }
  }

  answer(): Answer {
    return {
      text: this.#text,
      refusal: this.#refusal,
      toolCalls: [...this.#tools.entries()].sort(([a], [b]) => a - b).map(([, call]) => call),
      stop: this.#end?.stop ?? 'cut',
      usage: this.#end?.usage ?? null,
      usageSource: this.#end?.usageSource ?? 'reported',
      logprobs: this.#logprobs,
      recorded: this.#end?.recorded ?? null,
      servedModel: this.#start?.servedModel ?? null,
      fingerprint: this.#start?.fingerprint ?? null,
      ...(this.#thinking === '' ? {} : { thinking: this.#thinking }),
    };
  }
}
