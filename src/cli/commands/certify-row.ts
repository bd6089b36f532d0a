import { createReadStream } from 'node:fs';
import { type NanoUsd, nanoUsd, type PairSide, SmallfirstError } from '../../core/index.ts';

/** An object of a row, fields not yet checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** What to say of a file without rows, and what stops the reading. */
export interface ReadRowsOptions {
  readonly nothing: string;
  readonly abort: AbortSignal | undefined;
}

/**
 * Reads a JSON Lines file of rows with unique ids, a chunk at a time; blank lines are skipped. Throws INPUT_NOT_FOUND, or
 * INPUT_INVALID with the line and what is wrong with it; ABORTED when interrupted.
 */
export async function readJsonRows<T extends { readonly id: string }>(
  path: string,
  read: (row: JsonRow) => T,
  { nothing, abort }: ReadRowsOptions,
): Promise<T[]> {
  const rows: T[] = [];
  const lineOf = new Map<string, number>();
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    if (abort?.aborted) throw new SmallfirstError('ABORTED', 'certify was interrupted');
    if (text.trim() === '') continue;
    const row = new JsonRow(path, line, text);
    const value = read(row);
    const before = lineOf.get(value.id);
    if (before !== undefined)
      row.fail(`id ${quoted(value.id)} was already used on line ${before}; a duplicate would count as evidence twice`);
    lineOf.set(value.id, line);
    rows.push(value);
  }
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', nothing, { position: { file: path } });
  return rows;
}

/** Lines split at line feeds only: JSON strings may hold the other Unicode line separators as they are. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  let first = true;
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop()!;
      for (const part of parts) {
        yield first ? part.replace(/^\uFEFF/, '') : part;
        first = false;
      }
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  yield first ? rest.replace(/^\uFEFF/, '') : rest;
}

function unreadable(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const options = { position: { file: path }, cause: error };
  if (code === 'ENOENT') return new SmallfirstError('INPUT_NOT_FOUND', 'there is no such file', options);
  if (code === 'EISDIR') return new SmallfirstError('INPUT_INVALID', 'this is a folder, not a JSON Lines file', options);
  if (code === 'EACCES') return new SmallfirstError('INPUT_INVALID', 'this file may not be read', options);
  return error;
}

/** One line of a file: reads its fields, and says where and what when one is wrong. */
export class JsonRow {
  readonly #file: string;
  readonly #line: number;
  readonly fields: Fields;

  constructor(file: string, line: number, text: string) {
    this.#file = file;
    this.#line = line;
    this.fields = this.object(this.#parse(text), 'the row');
  }

  /** Id, cluster and the triage's mark: what every kind of row has. */
  head(): { readonly id: string; readonly cluster?: string; readonly skip?: true } {
    const cluster = this.#name(this.fields.cluster, 'cluster');
    const id = this.#name(this.fields.id, 'id');
    const { skip } = this.fields;
    if (skip !== undefined && skip !== null && typeof skip !== 'boolean') this.fail(`skip must be true or false, not ${quoted(skip)}`);
    return {
      id: id ?? this.fail('id is missing'),
      ...(cluster === null ? {} : { cluster }),
      ...(skip === true ? { skip } : {}),
    };
  }

  /** Quality, cost and latency of one model's answer; `path` names it in messages. */
  side(fields: Fields, path: string): PairSide {
    const quality = this.optional(fields, `${path}.quality`, { most: 1 });
    const costUsd = this.optional(fields, `${path}.costUsd`, { most: 1e6 });
    const latencyMs = this.optional(fields, `${path}.latencyMs`, { most: Number.MAX_VALUE });
    return {
      quality: quality ?? this.fail(`${path}.quality is missing`),
      ...(costUsd === null ? {} : { cost: nanoUsd(costUsd) as NanoUsd }),
      ...(latencyMs === null ? {} : { latencyMs }),
    };
  }

  requireBinary(quality: number, path: string): void {
    if (quality === 0 || quality === 1) return;
    this.fail(`${path}.quality is ${quality}, but clopper-pearson needs 0 or 1; use --method score or evalue for graded quality`);
  }

  /** A number from 0 to `most`; null when the field, the last part of `path`, is absent or null. */
  optional(fields: Fields, path: string, range: { readonly most: number }): number | null {
    const value = fields[path.slice(path.lastIndexOf('.') + 1)];
    if (value === undefined || value === null) return null;
    const number = this.number(value, path);
    if (!(number >= 0 && number <= range.most)) {
      this.fail(`${path} must ${range.most === Number.MAX_VALUE ? 'be finite and not negative' : `lie in 0…${range.most}`}, not ${number}`);
    }
    return number;
  }

  number(value: unknown, path: string): number {
    return typeof value === 'number' ? value : this.fail(`${path} must be a number, not ${quoted(value)}`);
  }

  object(value: unknown, what: string): Fields {
    if (value === undefined) this.fail(`${what} is missing`);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(`${what} must be an object, not ${quoted(value)}`);
    return value as Fields;
  }

  fail(message: string, column?: number): never {
    const position = { file: this.#file, line: this.#line, ...(column === undefined ? {} : { column }) };
    throw new SmallfirstError('INPUT_INVALID', message, { position });
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

  /** A string that is not empty, or a number read as one; null when absent or null. */
  #name(value: unknown, what: string): string | null {
    if (value === undefined || value === null) return null;
    if (typeof value === 'number') return String(value);
    if (typeof value !== 'string' || value === '') this.fail(`${what} must be a string that is not empty, not ${quoted(value)}`);
    return value;
  }
}

/** A value as JSON, cut to a length that fits a message. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
