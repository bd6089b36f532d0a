import type { TokenLogprob } from '../core/index.ts';
import type { SignalName } from './types.ts';

/**
 * The most that a signal of a text can still become while the text is being written. A calibrator never decreases, so that calibrating
 * the bound bounds the confidence: below the threshold, the rest of the text cannot change the decision.
 */
export interface SignalBound {
  /** The next piece of the text, with the tokens that spell it; null where the provider gave none. */
  add(text: string, tokens: readonly TokenLogprob[] | null): void;
  /** Null while nothing bounds the signal. */
  value(): number | null;
}

/**
 * A running upper bound for the signals of whole texts: `min-logprob` can only fall, and `mean-logprob` is highest when every token that
 * may still come (`maxTokens`; null is no bound) is certain. Null for the other signals: short answers are read whole.
 */
export function signalBound(signal: SignalName, maxTokens: number | null): SignalBound | null {
  if (signal === 'min-logprob') return new RunningBound((least) => least.min);
  if (signal !== 'mean-logprob' || maxTokens === null) return null;
  return new RunningBound(({ sum, count }) => sum / Math.max(count, maxTokens));
}

interface Sums {
  readonly min: number;
  readonly sum: number;
  readonly count: number;
}

class RunningBound implements SignalBound {
  readonly #read: (sums: Sums) => number;
  #min = 0;
  #sum = 0;
  #count = 0;
  #isUsable = true;

  constructor(read: (sums: Sums) => number) {
    this.#read = read;
  }

  add(text: string, tokens: readonly TokenLogprob[] | null): void {
    // Tokens that do not spell the text would be left out of the signal: then nothing is known of it.
    if (tokens === null || tokens.map(({ token }) => token).join('') !== text) this.#isUsable = false;
    for (const { token, logprob } of tokens ?? []) {
      // White space around an answer is no part of its signal, and leaving it out inside keeps the bound one.
      if (token.trim() === '' || Number.isNaN(logprob)) continue;
      const value = Math.min(0, logprob);
      this.#min = Math.min(this.#min, value);
      this.#sum += value;
      this.#count += 1;
    }
  }

  value(): number | null {
    if (!this.#isUsable || this.#count === 0) return null;
    return this.#read({ min: this.#min, sum: this.#sum, count: this.#count });
  }
}
