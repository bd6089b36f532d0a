/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

let loading: Promise<CountTokens> | null = null;

/**
 * Loads OpenAI's o200k tokenizer on first use (it is heavy) and resolves to a plain counting function. Text that looks
 * like a special token counts as ordinary text, as it does in a prompt. Other vendors' tokenizers differ by some percent:
 * such counts are estimates, to be marked `counted`.
 */
export function loadTokenizer(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(
    ({ countTokens }) =>
      (text) =>
        countTokens(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() }),
  );
  return loading;
}
