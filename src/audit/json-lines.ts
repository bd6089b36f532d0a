import { MAX_ROW_BYTES, parsedRow, type RawRow, type RowSplitter } from './raw-rows.ts';

const LINE_FEED = 10;
const OPEN_BRACE = 0x7b;

/** JSON Lines: a value a line; blank lines are none, a byte order mark is dropped. A line that is too long is a problem, and the next ones are read on. */
export class JsonLines implements RowSplitter {
  #rest: Buffer | null = null;
  #line = 0;
  #dropping = false;

  push(chunk: Buffer): RawRow[] {
    const rows: RawRow[] = [];
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED, this.#rest?.length ?? 0); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      this.#take(bytes, start, end, rows);
      start = end + 1;
    }
    this.#rest = start === bytes.length ? null : bytes.subarray(start);
    if (this.#rest !== null && this.#rest.length > MAX_ROW_BYTES) {
      if (!this.#dropping) rows.push(tooLong(this.#line + 1));
      this.#dropping = true;
      this.#rest = null;
    }
    return rows;
  }

  end(): RawRow[] {
    const rows: RawRow[] = [];
    if (this.#rest !== null) this.#take(this.#rest, 0, this.#rest.length, rows);
    this.#rest = null;
    return rows;
  }

  #take(bytes: Buffer, start: number, end: number, rows: RawRow[]): void {
    this.#line += 1;
    if (this.#dropping) {
      this.#dropping = false;
      return;
    }
    let text = bytes.toString('utf8', start, end);
    if (this.#line === 1) text = text.replace(/^\uFEFF/, '');
    if (text.charCodeAt(0) === OPEN_BRACE || text.trim() !== '') rows.push(parsedRow(this.#line, text));
  }
}

function tooLong(line: number): RawRow {
  return { line, value: undefined, problem: `the line is longer than ${MAX_ROW_BYTES / 1024 / 1024} MiB` };
}
