// A set and a loop, because `[…]+$` takes quadratic time on a long run in the middle of what a model wrote.
const AROUND: ReadonlySet<string> = new Set(' "\'`*“”‘’');

/**
 * Text as `exact` compares it: Unicode compatibility form, lower case, single spaces, without quotes, asterisks or backticks around
 * it and without a full stop at its end. Everything else, punctuation inside included, must be equal.
 */
export function normalText(text: string): string {
  const bare = withoutAround(text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' '));
  return bare.endsWith('.') ? withoutAround(bare.slice(0, -1)) : bare;
}

function withoutAround(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && AROUND.has(text[from]!)) from += 1;
  while (to > from && AROUND.has(text[to - 1]!)) to -= 1;
  return text.slice(from, to);
}
