import type { Json, StopReason, TokenLogprob, UpstreamFailure } from '../../core/index.ts';
import {
  mergeStreamedUsage,
  type NormalisedUsage,
  usageFromAnthropic,
  usageFromOpenAiChat,
  usageFromOpenAiResponses,
} from '../../pricing/index.ts';
import { failureOf } from '../codecs/end-event.ts';
import { readLogprobs } from '../codecs/logprobs.ts';
import type { TapProtocol, TapReport } from './tap-types.ts';

const stopWords: Readonly<Record<string, StopReason>> = {
  stop: 'done',
  end_turn: 'done',
  completed: 'done',
  stop_sequence: 'stop-sequence',
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_context_window_exceeded: 'length',
  pause_turn: 'length',
  tool_calls: 'tool-call',
  function_call: 'tool-call',
  tool_use: 'tool-call',
  content_filter: 'content-filter',
  refusal: 'refusal',
};

/** Collects what readers of frames and bodies find. */
export class Findings {
  readonly #normalise: (json: unknown) => NormalisedUsage | null;
  #usage: unknown = null;
  #logprobs: TokenLogprob[] | null = null;
  #failure: UpstreamFailure | null = null;
  #stopWord: string | null = null;
  complete = false;
  legible = true;
  /** The frame that closes a stream has passed: nothing that matters follows. */
  ended = false;
  servedModel: string | null = null;
  fingerprint: string | null = null;
  upstreamId: string | null = null;
  serviceTier: string | null = null;

  constructor(protocol: TapProtocol) {
    this.#normalise =
      protocol === 'anthropic-messages'
        ? usageFromAnthropic
        : protocol === 'openai-responses'
          ? usageFromOpenAiResponses
          : usageFromOpenAiChat;
  }

  get hasUsage(): boolean {
    return this.#usage !== null;
  }

  /** Some output was counted: where it was not, what was written has to be. */
  get countsOutput(): boolean {
    const usage = (this.#usage ?? {}) as Readonly<Record<string, unknown>>;
    return isCount(usage.completion_tokens) || isCount(usage.output_tokens);
  }

  /** Merges a usage object; anything else is none. */
  usage(json: unknown): void {
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) this.#usage = mergeStreamedUsage(this.#usage, json);
  }

  logprobs(list: unknown): void {
    const read = readLogprobs(list);
    if (read === null) return;
    this.#logprobs ??= [];
    for (const item of read) this.#logprobs.push(item);
  }

  /** The provider's own word for why it stopped; '' and other types are none. */
  stop(word: unknown): void {
    if (typeof word === 'string' && word !== '') this.#stopWord = word;
  }

  get stopped(): boolean {
    return this.#stopWord !== null;
  }

  fail(error: unknown): void {
    if (error !== undefined && error !== null) this.#failure ??= failureOf(error);
  }

  report(): TapReport {
    const normalised = this.#usage === null ? null : this.#normalise(this.#usage);
    return {
      complete: this.complete && this.#failure === null,
      legible: this.legible,
      stop: this.#stopWord === null ? null : (stopWords[this.#stopWord] ?? 'done'),
      usage: normalised?.usage ?? null,
      usageFlags: normalised?.flags ?? [],
      rawUsage: this.#usage as Json | null,
      servedModel: this.servedModel,
      fingerprint: this.fingerprint,
      upstreamId: this.upstreamId,
      serviceTier: this.serviceTier,
      logprobs: this.#logprobs,
      failure: this.#failure,
    };
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}
