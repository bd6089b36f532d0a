import { MAX_ROW_BYTES, parsedRow, type RawRow, type RowSplitter } from './raw-rows.ts';

/**
 * Lists of a document whose elements are rows, by path; `*` is any element of a list. A list at the top is one as well. A document
 * that has none of them is a row itself.
 */
const LIST_PATHS: readonly string[] = [
  'data',
  'rows',
  'results',
  'results.results',
  'observations',
  'resourceSpans.*.scopeSpans.*.spans',
  'resourceSpans.*.instrumentationLibrarySpans.*.spans',
  'batches.*.scopeSpans.*.spans',
  'batches.*.instrumentationLibrarySpans.*.spans',
  'resourceLogs.*.scopeLogs.*.logRecords',
];

/** Every path that leads to such a list. */
const LEADING = new Set(
  LIST_PATHS.flatMap((path) => {
    const parts = path.split('.');
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);
const LISTS = new Set(LIST_PATHS);

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE, LINE_FEED] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d, 10];

/** One list or object that is looked into. */
interface Level {
  readonly path: string;
  readonly isList: boolean;
  /** Elements of it are rows. */
  readonly hasRows: boolean;
  /** The member that is being read; null where its name is still to come. */
  key: string | null;
}

/**
 * One JSON document of any size (or several after each other): elements of its list are given as soon as they are whole, so that only
 * one of them is in memory. Skips what lies around the list without parsing it.
 */
export class JsonDocument implements RowSplitter {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #line = 1;
  readonly #levels: Level[] = [];
  /** Where the value that is being passed over begins, and how deep in it we are; -1 for none. */
  #valueStart = -1;
  #valueLine = 1;
  #valueDepth = 0;
  #isRow = false;
  #inString = false;
  #isEscaped = false;
  /** Where the document begins, as long as it may be a row itself. */
  #documentStart = -1;
  #documentLine = 1;
  #isBroken = false;

  push(chunk: Buffer): RawRow[] {
    const rows: RawRow[] = [];
    if (this.#isBroken) return rows;
    const keep = this.#kept();
    this.#bytes = keep >= this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(keep), chunk]);
    this.#at -= keep;
    if (this.#valueStart >= 0) this.#valueStart = Math.max(0, this.#valueStart - keep);
    if (this.#documentStart >= 0) this.#documentStart -= keep;
    while (this.#at < this.#bytes.length && !this.#isBroken) {
      if (this.#valueStart >= 0) this.#pass(rows);
      else this.#step(rows);
    }
    if (this.#bytes.length > MAX_ROW_BYTES && (this.#documentStart >= 0 || this.#isRow))
      this.#fail(rows, `a row of more than ${MAX_ROW_BYTES / 1024 / 1024} MiB`, this.#valueLine);
    return rows;
  }

  end(): RawRow[] {
    const rows: RawRow[] = [];
    if (this.#isBroken) return rows;
    // A number or a word at the top has no end of its own.
    if (this.#valueStart >= 0 && this.#levels.length === 0 && this.#valueDepth === 0 && !this.#inString)
      this.#finish(this.#bytes.length, rows);
    else if (this.#valueStart >= 0 || this.#levels.length > 0) this.#fail(rows, 'the file ends in the middle of a row', this.#line);
    return rows;
  }

  /** From where on bytes are still needed: what is passed over without being a row is not. */
  #kept(): number {
    if (this.#documentStart >= 0) return this.#documentStart;
    const level = this.#levels.at(-1);
    const isName = level !== undefined && !level.isList && level.key === null;
    return this.#valueStart >= 0 && (this.#isRow || isName) ? this.#valueStart : this.#at;
  }

  #fail(rows: RawRow[], problem: string, line: number): void {
    this.#isBroken = true;
    rows.push({ line, value: undefined, problem });
  }

  /** One byte outside of any value. */
  #step(rows: RawRow[]): void {
    const byte = this.#bytes[this.#at] ?? 0;
    const level = this.#levels.at(-1);
    if (byte === LINE_FEED) this.#line += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE) this.#close(byte, rows);
    else if (isSpace(byte) || byte === 0x2c || (byte === 0x3a && level !== undefined)) {
      if (byte === 0x2c && level !== undefined) level.key = null;
    } else {
      this.#begin(byte, level, rows);
      return;
    }
    this.#at += 1;
  }

  #close(byte: number, rows: RawRow[]): void {
    const level = this.#levels.pop();
    if (level === undefined || level.isList !== (byte === CLOSE_LIST)) {
      this.#fail(rows, 'not JSON: a bracket that closes nothing', this.#line);
      return;
    }
    if (this.#levels.length === 0 && this.#documentStart >= 0) {
      rows.push(parsedRow(this.#documentLine, this.#bytes.toString('utf8', this.#documentStart, this.#at + 1)));
      this.#documentStart = -1;
    }
  }

  /** A value begins, or the name of a member. */
  #begin(byte: number, level: Level | undefined, rows: RawRow[]): void {
    if (level !== undefined && !level.isList && level.key === null) {
      if (byte !== QUOTE) {
        this.#fail(rows, 'not JSON: the name of a member is missing', this.#line);
        return;
      }
      this.#valueFrom(false);
      return;
    }
    const path =
      level === undefined ? '' : level.path === '' && !level.isList ? (level.key ?? '') : `${level.path}.${level.isList ? '*' : level.key}`;
    if (byte === OPEN_LIST && ((level === undefined && this.#levels.length === 0) || LISTS.has(path))) {
      this.#documentStart = -1;
      this.#enter({ path, isList: true, hasRows: true, key: null });
    } else if (level?.hasRows) this.#valueFrom(true);
    else if (level === undefined && byte === OPEN) {
      this.#documentStart = this.#at;
      this.#documentLine = this.#line;
      this.#enter({ path: '', isList: false, hasRows: false, key: null });
    } else if ((byte === OPEN_LIST || byte === OPEN) && LEADING.has(path))
      this.#enter({ path, isList: byte === OPEN_LIST, hasRows: false, key: null });
    else this.#valueFrom(level === undefined);
  }

  #enter(level: Level): void {
    this.#levels.push(level);
    this.#at += 1;
  }

  #valueFrom(isRow: boolean): void {
    this.#valueStart = this.#at;
    this.#valueLine = this.#line;
    this.#valueDepth = 0;
    this.#isRow = isRow;
    this.#inString = false;
    this.#isEscaped = false;
  }

  /** Passes over a value to its end, or to the end of the bytes. */
  #pass(rows: RawRow[]): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === LINE_FEED) this.#line += 1;
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) {
          this.#inString = false;
          if (this.#valueDepth === 0) {
            this.#finish(at + 1, rows);
            return;
          }
        }
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN || byte === OPEN_LIST) this.#valueDepth += 1;
      else if (byte === CLOSE || byte === CLOSE_LIST) {
        if (this.#valueDepth === 0) {
          this.#finish(at, rows);
          return;
        }
        this.#valueDepth -= 1;
        if (this.#valueDepth === 0) {
          this.#finish(at + 1, rows);
          return;
        }
      } else if (this.#valueDepth === 0 && (byte === 0x2c || byte === LINE_FEED)) {
        // A line feed that ends a word or a number is read again outside of it.
        if (byte === LINE_FEED) this.#line -= 1;
        this.#finish(at, rows);
        return;
      }
    }
    this.#at = at;
  }

  #finish(end: number, rows: RawRow[]): void {
    const level = this.#levels.at(-1);
    if (this.#isRow) rows.push(parsedRow(this.#valueLine, this.#bytes.toString('utf8', this.#valueStart, end)));
    else if (level !== undefined && !level.isList && level.key === null) level.key = this.#name(end);
    this.#valueStart = -1;
    this.#isRow = false;
    this.#at = end;
  }

  #name(end: number): string {
    const row = parsedRow(this.#line, this.#bytes.toString('utf8', this.#valueStart, end));
    return typeof row.value === 'string' ? row.value : '';
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13 || byte === 0xef || byte === 0xbb || byte === 0xbf;
}
