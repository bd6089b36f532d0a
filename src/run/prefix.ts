import type { Answer, TokenLogprob, Validation } from '../core/index.ts';

/** The first tokens of an answer as an answer of their own: what a prefix gate weighs, streamed or not. */
export function prefixOf(text: string, tokens: readonly TokenLogprob[], count: number): Answer {
  const first = tokens.length > count ? tokens.slice(0, count) : tokens;
  const spelled = first.map(({ token }) => token).join('');
  return {
    // Tokens that do not spell the text show as such: no signal is read from them.
    text: text.startsWith(spelled) ? spelled : text,
    refusal: null,
    toolCalls: [],
    stop: 'done',
    usage: null,
    usageSource: 'reported',
    logprobs: first,
    recorded: null,
    servedModel: null,
    fingerprint: null,
  };
}

/** The beginning of a text is valid as such. */
export function wellFormed(text: string): Validation {
  return { valid: true, value: text, why: null };
}
