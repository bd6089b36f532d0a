/** A text as a literal of GBNF, llama.cpp's notation for grammars (github.com/ggml-org/llama.cpp/blob/master/grammars/README.md). */
export function literal(text: string): string {
  // JSON's escapes are GBNF's but for these two.
  return JSON.stringify(text).replaceAll('\\b', '\\x08').replaceAll('\\f', '\\x0C');
}

/** Tokenizers of some models put a space before the first word; it is no part of the answer. */
export const LEADING_SPACE = '" "?';

/** The grammar of a task's labels: one of them, word for word. */
export function labelGrammar(labels: readonly string[]): string {
  return `root ::= ${LEADING_SPACE} (${[...new Set(labels)].map(literal).join(' | ')})\n`;
}
