import { createReadStream } from 'node:fs';
import { SmallfirstError, splitLines } from '../../core/index.ts';
import type { TriageInput, TriageRow } from '../../triage/index.ts';

/** A request to predict. The id is written back as it was given. */
export interface TriageRequest extends TriageInput {
  readonly id: string | number;
}

/**
 * Reads rows to train from: those of `certify` with "text", and "task" and "category" where known. Throws INPUT_NOT_FOUND, or
 * INPUT_INVALID with the line and what is wrong with it.
 */
export async function readTriageRows(file: string): Promise<TriageRow[]> {
  const lineOf = new Map<string, number>();
  return readRows(file, (row, line) => {
    const id = String(row.id());
    const before = lineOf.get(id);
    if (before !== undefined)
      return row.fail(`id ${quoted(id)} was already used on line ${before}; a duplicate would count as evidence twice`);
    lineOf.set(id, line);
    const cluster = row.name('cluster');
    return {
      id,
      ...row.input(),
      small: row.quality('small'),
      big: row.quality('big'),
      ...(cluster === null ? {} : { cluster }),
    };
  });
}

/** Reads requests to predict: "id", "text", and "task" and "category" where known; anything else in a row is not looked at. */
export async function readTriageRequests(file: string): Promise<TriageRequest[]> {
  return readRows(file, (row) => ({ id: row.id(), ...row.input() }));
}

async function readRows<T>(file: string, read: (row: Row, line: number) => T): Promise<T[]> {
  const rows: T[] = [];
  let line = 0;
  try {
    for await (const text of splitLines(createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 18 }))) {
      line += 1;
      if (text.trim() !== '') rows.push(read(new Row({ file, line }, text), line));
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', 'the file holds no rows', { position: { file } });
  return rows;
}

function unreadable(file: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const options = { position: { file }, cause: error };
  if (code === 'ENOENT') return new SmallfirstError('INPUT_NOT_FOUND', 'there is no such file', options);
  if (code === 'EISDIR') return new SmallfirstError('INPUT_INVALID', 'this is a folder, not a JSON Lines file', options);
  if (code === 'EACCES') return new SmallfirstError('INPUT_INVALID', 'this file may not be read', options);
  return error;
}

type Fields = Readonly<Record<string, unknown>>;

/** One line of the file: reads its fields, and says where and what when one is wrong. */
class Row {
  readonly #at: { readonly file: string; readonly line: number };
  readonly #fields: Fields;

  constructor(at: { readonly file: string; readonly line: number }, text: string) {
    this.#at = at;
    this.#fields = this.#object(this.#parse(text), 'the row');
  }

  id(): string | number {
    const { id } = this.#fields;
    if (id === undefined || id === null) return this.fail('id is missing');
    if (typeof id === 'number') return id;
    if (typeof id !== 'string' || id === '') return this.fail(`id must be a string that is not empty, not ${quoted(id)}`);
    return id;
  }

  input(): TriageInput {
    const { text } = this.#fields;
    if (text === undefined) return this.fail('text is missing');
    if (typeof text !== 'string') return this.fail(`text must be a string, not ${quoted(text)}`);
    const task = this.name('task');
    const category = this.name('category');
    return { text, ...(task === null ? {} : { task }), ...(category === null ? {} : { category }) };
  }

  quality(side: 'small' | 'big'): number {
    const { quality } = this.#object(this.#fields[side], side);
    if (quality === undefined || quality === null) return this.fail(`${side}.quality is missing`);
    if (typeof quality !== 'number') return this.fail(`${side}.quality must be a number, not ${quoted(quality)}`);
    if (!(quality >= 0 && quality <= 1)) return this.fail(`${side}.quality must lie in 0…1, not ${quality}`);
    return quality;
  }

  /** A string that is not empty, or a number read as one; null when absent or null. */
  name(field: 'task' | 'category' | 'cluster'): string | null {
    const value = this.#fields[field];
    if (value === undefined || value === null) return null;
    if (typeof value === 'number') return String(value);
    if (typeof value !== 'string' || value === '') return this.fail(`${field} must be a string that is not empty, not ${quoted(value)}`);
    return value;
  }

  fail(message: string, column?: number): never {
    throw new SmallfirstError('INPUT_INVALID', message, { position: { ...this.#at, ...(column === undefined ? {} : { column }) } });
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = (error as Error).message;
      const offset = /at position (\d+)/.exec(message)?.[1];
      return this.fail(`not valid JSON: ${message}`, offset === undefined ? undefined : Number(offset) + 1);
    }
  }

  #object(value: unknown, what: string): Fields {
    if (value === undefined) return this.fail(`${what} is missing`);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.fail(`${what} must be an object, not ${quoted(value)}`);
    return value as Fields;
  }
}

/** A value as JSON, cut to a length that fits a message. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
