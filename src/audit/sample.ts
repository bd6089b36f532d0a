import { seededRandom } from '../statistics/index.ts';
import type { AuditCall } from './types.ts';

/** A call that can be asked again: its whole prompt and its answer are in the log. */
export interface SampledCall {
  readonly ordinal: number;
  readonly call: AuditCall;
}

/**
 * A uniform sample of the calls of a log that can be asked again as they were: one user message, no tools, an answer that came to its
 * end (reservoir sampling, Vitter 1985, algorithm R). Memory is bounded by its size.
 */
export class CallSample {
  readonly #most: number;
  readonly #random = seededRandom(1);
  readonly #kept: SampledCall[] = [];
  #ordinal = 0;
  #seen = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes every call of the log, in its order. */
  add(call: AuditCall): void {
    const ordinal = this.#ordinal;
    this.#ordinal += 1;
    const { status, output, userTexts, tools } = call;
    if (status !== 'ok' || output === null || output.trim() === '' || userTexts.length !== 1 || tools.length > 0) return;
    this.#seen += 1;
    if (this.#kept.length < this.#most) this.#kept.push({ ordinal, call });
    else {
      const place = Math.floor(this.#random.next() * this.#seen);
      if (place < this.#most) this.#kept[place] = { ordinal, call };
    }
  }

  /** What was kept, in the order of the log. */
  calls(): readonly SampledCall[] {
    return [...this.#kept].sort((a, b) => a.ordinal - b.ordinal);
  }
}
