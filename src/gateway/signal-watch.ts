import { whyIncomplete } from '../confidence/index.ts';
import type { Answer } from '../core/index.ts';

/** Answers in a row without logprobs after which nobody should wait for them any more. */
const PATIENCE = 50;

/**
 * Sees whether the logprobs that signals are made of arrive. Where they never do, no answer of the small model is ever sure enough and
 * every request pays for two models: safe, and dear without a word. Counted in this process, by model.
 */
export class SignalWatch {
  readonly #warn: (message: string) => void;
  /** Whole answers in a row that lacked them. */
  readonly #missing = new Map<string, number>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** An answer of a model that was asked for logprobs. Warns once each time that as many answers in a row came without. */
  heard(model: string, answer: Pick<Answer, 'text' | 'logprobs' | 'recorded' | 'stop' | 'refusal'>): void {
    // Half an answer, and one without text, need not have any.
    if (answer.text === '' || whyIncomplete(answer) !== null) return;
    if ((answer.logprobs?.length ?? 0) > 0 || answer.recorded !== null) {
      this.#missing.delete(model);
      return;
    }
    const missing = (this.#missing.get(model) ?? 0) + 1;
    this.#missing.set(model, missing);
    if (missing !== PATIENCE) return;
    this.#warn(
      `${PATIENCE} answers of ${model} in a row came without the logprobs that its confidence is made of, so that each request pays for two models: see \`smallfirst models probe ${model}\``,
    );
  }
}
