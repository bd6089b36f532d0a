/**
 * Tokens of one call, by price class. Every class is disjoint from the others except `reasoning`, `audioOutput`
 * (parts of `output`) and `audioInput` (part of `freshInput`): what the prompt holds in all is `inputTotal(usage)`.
 *
 * Wire formats disagree: OpenAI and OpenTelemetry count cached tokens inside the input, Anthropic outside it.
 * Codecs normalise to this shape; nothing else in the product sees a vendor's counts.
 */
export interface Usage {
  /** Input tokens neither read from nor written to a prompt cache. */
  readonly freshInput: number;
  readonly cacheRead: number;
  /** Written to a cache that lives 5 minutes (also OpenAI's `cache_write_tokens`). */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  /** All generated tokens, reasoning included. */
  readonly output: number;
  /** The part of `output` that was hidden reasoning. */
  readonly reasoning: number;
  /** The part of `freshInput` that was audio. */
  readonly audioInput: number;
  /** The part of `output` that was audio. */
  readonly audioOutput: number;
}

/** Where the counts come from: as the provider reported them, counted by our tokenizer, or recorded beside a data set. */
export type UsageSource = 'reported' | 'counted' | 'recorded';

export const NO_USAGE: Usage = {
  freshInput: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 0,
  reasoning: 0,
  audioInput: 0,
  audioOutput: 0,
};

/** A usage with the given classes set and the others 0. */
export function usage(parts: Partial<Usage>): Usage {
  // Written out: every request passes here, and spreading takes several times as long.
  const {
    freshInput = 0,
    cacheRead = 0,
    cacheWrite5m = 0,
    cacheWrite1h = 0,
    output = 0,
    reasoning = 0,
    audioInput = 0,
    audioOutput = 0,
  } = parts;
  return { freshInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning, audioInput, audioOutput };
}

/** Every token of the prompt: fresh, read from a cache and written to one. */
export function inputTotal(u: Usage): number {
  return u.freshInput + u.cacheRead + u.cacheWrite5m + u.cacheWrite1h;
}

/** Sums class by class. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    freshInput: a.freshInput + b.freshInput,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    audioInput: a.audioInput + b.audioInput,
    audioOutput: a.audioOutput + b.audioOutput,
  };
}
