/** A row as it lies in a file: a value and the line it begins on, or what is broken there. */
export interface RawRow {
  readonly line: number;
  readonly value: unknown;
  /** What is broken; then there is no value. */
  readonly problem: string | null;
}

/** Cuts bytes into rows as they come. After `end` nothing may be pushed. */
export interface RowSplitter {
  push(chunk: Buffer): RawRow[];
  end(): RawRow[];
}

/** A longer row is none: it would hold up everything else, and one of them fills the memory. */
export const MAX_ROW_BYTES = 64 * 1024 * 1024;

/** A row that was parsed, or that could not be. */
export function parsedRow(line: number, text: string): RawRow {
  try {
    return { line, value: JSON.parse(text) as unknown, problem: null };
  } catch (error) {
    return { line, value: undefined, problem: `not JSON: ${plainMessage(error)}` };
  }
}

/** The parser's own sentence without the text that it quotes: a log may hold what no message should. */
function plainMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unreadable';
  return message
    .replace(/, ?(?:\.\.\.)?".*$/s, '')
    .replace(/ in JSON at position \d+.*$/s, '')
    .replace(/^Unexpected token .*$/s, 'unexpected character');
}
