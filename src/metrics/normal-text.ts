const AROUND = /^[\s"'`*“”‘’]+|[\s"'`*“”‘’]+$/gu;

/**
 * Text as `exact` compares it: Unicode compatibility form, lower case, single spaces, without quotes, asterisks or backticks around
 * it and without a full stop at its end. Everything else, punctuation inside included, must be equal.
 */
export function normalText(text: string): string {
  const bare = text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').replace(AROUND, '');
  return bare.replace(/\.$/u, '').replace(AROUND, '');
}
