import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { SmallfirstError } from '../core/index.ts';
import { MAX_LINE } from './read-lines.ts';
import type { RawRow } from './types.ts';

/** Rows that are handed on together. */
const BLOCK = 512;

interface Parsed {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number; readonly empty_lines: number; readonly error?: Error };
}

/**
 * Rows of CSV (RFC 4180) with a head line: quotes, line breaks within them, a byte order mark, either line end. A row with too few or too
 * many fields has a problem of its own. Throws INPUT_INVALID at a broken quote: past it nobody knows where rows begin.
 */
export async function* csvRows(path: string, source: Readable, delimiter: string): AsyncGenerator<readonly RawRow[]> {
  const parser = parse({
    columns: true,
    bom: true,
    delimiter,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: MAX_LINE,
  });
  // What goes wrong in the source is heard where the parser is read.
  pipeline(source, parser, () => {});
  let block: RawRow[] = [];
  let begins = 2;
  let blanks = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const line = begins + info.empty_lines - blanks;
      begins = info.lines + 1;
      blanks = info.empty_lines;
      const problem = info.error === undefined ? null : `the line has another number of fields than the head line`;
      block.push(problem === null ? { line, value: record, problem } : { line, value: null, problem });
      if (block.length < BLOCK) continue;
      yield block;
      block = [];
    }
  } catch (cause) {
    const line = (cause as { readonly lines?: number }).lines;
    throw new SmallfirstError('INPUT_INVALID', (cause as Error).message, {
      position: { file: path, ...(line === undefined ? {} : { line }) },
      cause,
    });
  }
  if (block.length > 0) yield block;
}
