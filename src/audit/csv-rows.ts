import { StringDecoder } from 'node:string_decoder';
import { MAX_ROW_BYTES, type RawRow, type RowSplitter } from './raw-rows.ts';

const QUOTE = 0x22;
const LINE_FEED = 10;
const RETURN = 13;

/** What was found where a record should be: where the next one begins, or that the text ends before. */
type Scan = { readonly next: number; readonly problem: string | null } | 'more';

/**
 * CSV of RFC 4180 with a head line (`,`, tab or `;`, by the head): a record a row, its members texts. A record that is broken is a
 * problem, and reading goes on at the next line: also after a quote that never ends. Written out because the usual parser looks at every
 * byte by itself, which takes longer than everything else that is done with a row.
 */
export class CsvRows implements RowSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #text = '';
  /** Line of the first character of `#text`. */
  #line = 1;
  #head: readonly string[] | null = null;
  #delimiter = 0x2c;
  #fields: string[] = [];

  push(chunk: Buffer): RawRow[] {
    return this.#take(this.#decoder.write(chunk), false);
  }

  end(): RawRow[] {
    return this.#take(this.#decoder.end(), true);
  }

  #take(more: string, isEnd: boolean): RawRow[] {
    const rows: RawRow[] = [];
    const text = this.#text === '' ? more : this.#text + more;
    let start = 0;
    while (start < text.length) {
      const scan = this.#scan(text, start, isEnd);
      if (scan === 'more') {
        if (!isEnd && text.length - start <= MAX_ROW_BYTES) break;
        start = this.#skipLine(text, start, rows);
        continue;
      }
      this.#record(scan.problem, rows);
      this.#line += lineFeeds(text, start, scan.next);
      start = scan.next;
    }
    this.#text = start === 0 ? text : text.slice(start);
    return rows;
  }

  /** A quote that never ends: its line is broken, the next one may be whole. */
  #skipLine(text: string, start: number, rows: RawRow[]): number {
    rows.push({ line: this.#line, value: undefined, problem: 'not CSV: a quote that never ends' });
    this.#line += 1;
    const end = text.indexOf('\n', start);
    return end < 0 ? text.length : end + 1;
  }

  #record(problem: string | null, rows: RawRow[]): void {
    const fields = this.#fields;
    if (problem === null && fields.length === 1 && fields[0] === '') return;
    if (this.#head === null) {
      this.#head = fields.map((name) => name.trim());
      return;
    }
    const head = this.#head;
    const wrong = fields.length === head.length ? null : `not CSV: ${fields.length} fields under ${head.length} columns`;
    if (problem !== null || wrong !== null) {
      rows.push({ line: this.#line, value: undefined, problem: problem ?? wrong });
      return;
    }
    const record: Record<string, string> = {};
    for (let index = 0; index < head.length; index++) {
      const name = head[index] ?? '';
      if (name !== '__proto__') record[name] = fields[index] ?? '';
    }
    rows.push({ line: this.#line, value: record, problem: null });
  }

  /** Reads one record into `#fields`. */
  #scan(text: string, start: number, isEnd: boolean): Scan {
    this.#fields = [];
    let at = start;
    if (this.#head === null && !this.#chooseDelimiter(text, start, isEnd)) return 'more';
    if (this.#head === null && text.charCodeAt(at) === 0xfeff) at += 1;
    for (;;) {
      const after = text.charCodeAt(at) === QUOTE ? this.#quoted(text, at + 1, isEnd) : this.#plain(text, at, isEnd);
      if (after < 0) return 'more';
      const code = text.charCodeAt(after);
      if (code === this.#delimiter) {
        at = after + 1;
        if (at === text.length && !isEnd) return 'more';
        continue;
      }
      if (code === RETURN && text.charCodeAt(after + 1) === LINE_FEED) return { next: after + 2, problem: null };
      if (code === RETURN && after + 1 === text.length && !isEnd) return 'more';
      if (code === LINE_FEED || after >= text.length) return { next: Math.min(text.length, after + 1), problem: null };
      const end = text.indexOf('\n', after);
      if (end < 0 && !isEnd) return 'more';
      return { next: end < 0 ? text.length : end + 1, problem: 'not CSV: text after a closing quote' };
    }
  }

  /** Reads a plain field; where it ends, or -1 when the text does first. */
  #plain(text: string, start: number, isEnd: boolean): number {
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === this.#delimiter || code === LINE_FEED) break;
      if (code === RETURN && (at + 1 >= text.length || text.charCodeAt(at + 1) === LINE_FEED)) break;
    }
    if (at >= text.length && !isEnd) return -1;
    this.#fields.push(text.slice(start, at));
    return at;
  }

  /** Reads a quoted field; where it ends, or -1 when the text does first. */
  #quoted(text: string, start: number, isEnd: boolean): number {
    let from = start;
    let hasPairs = false;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote < 0 || (quote + 1 === text.length && !isEnd)) return -1;
      if (text.charCodeAt(quote + 1) === QUOTE) {
        hasPairs = true;
        from = quote + 2;
        continue;
      }
      const value = text.slice(start, quote);
      this.#fields.push(hasPairs ? value.replaceAll('""', '"') : value);
      return quote + 1;
    }
  }

  #chooseDelimiter(text: string, start: number, isEnd: boolean): boolean {
    const end = text.indexOf('\n', start);
    if (end < 0 && !isEnd) return false;
    const head = text.slice(start, end < 0 ? text.length : end);
    const counts = [0x2c, 9, 0x3b].map((code) => [code, head.split(String.fromCharCode(code)).length] as const);
    this.#delimiter = counts.reduce((best, item) => (item[1] > best[1] ? item : best))[0];
    return true;
  }
}

function lineFeeds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
