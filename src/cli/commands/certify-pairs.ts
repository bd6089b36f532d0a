import { createReadStream } from 'node:fs';
import { type CertifyMethod, type NanoUsd, nanoUsd, type Pair, type PairSide, SmallfirstError } from '../../core/index.ts';

/** Reads pairs from JSON Lines, a chunk at a time. Throws INPUT_NOT_FOUND, or INPUT_INVALID with the line and what is wrong with it; ABORTED when interrupted. */
export async function readPairs(path: string, method: CertifyMethod, signal?: AbortSignal): Promise<Pair[]> {
  const pairs: Pair[] = [];
  const lineOf = new Map<string, number>();
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    if (signal?.aborted) throw new SmallfirstError('ABORTED', 'certify was interrupted');
    if (text.trim() === '') continue;
    const row = new Row(path, line, text);
    const pair = row.pair();
    const before = lineOf.get(pair.id);
    if (before !== undefined)
      row.fail(`id ${quoted(pair.id)} was already used on line ${before}; a duplicate would count as evidence twice`);
    if (method === 'clopper-pearson') row.requireBinary(pair);
    lineOf.set(pair.id, line);
    pairs.push(pair);
  }
  if (pairs.length === 0) throw new SmallfirstError('INPUT_INVALID', 'the file holds no pairs', { position: { file: path } });
  return pairs;
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

type Fields = Readonly<Record<string, unknown>>;

/** One line of the file: reads its fields, and says where and what when one is wrong. */
class Row {
  readonly #file: string;
  readonly #line: number;
  readonly #fields: Fields;

  constructor(file: string, line: number, text: string) {
    this.#file = file;
    this.#line = line;
    this.#fields = this.#object(this.#parse(text), 'the row');
  }

  pair(): Pair {
    const small = this.#object(this.#fields.small, 'small');
    const big = this.#object(this.#fields.big, 'big');
    const confidence = this.#optional(small, 'small.confidence', { most: 1 });
    const cluster = this.#name(this.#fields.cluster, 'cluster');
    const id = this.#name(this.#fields.id, 'id');
    return {
      id: id ?? this.fail('id is missing'),
      small: { ...this.#side(small, 'small'), ...(confidence === null ? {} : { confidence }) },
      big: this.#side(big, 'big'),
      ...(cluster === null ? {} : { cluster }),
    };
  }

  requireBinary(pair: Pair): void {
    for (const side of ['small', 'big'] as const) {
      const { quality } = pair[side];
      if (quality !== 0 && quality !== 1) {
        this.fail(`${side}.quality is ${quality}, but clopper-pearson needs 0 or 1; use --method score or evalue for graded quality`);
      }
    }
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

  #object(value: unknown, what: string): Fields {
    if (value === undefined) this.fail(`${what} is missing`);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(`${what} must be an object, not ${quoted(value)}`);
    return value as Fields;
  }

  #side(fields: Fields, side: 'small' | 'big'): PairSide {
    const quality = this.#optional(fields, `${side}.quality`, { most: 1 });
    const costUsd = this.#optional(fields, `${side}.costUsd`, { most: 1e6 });
    const latencyMs = this.#optional(fields, `${side}.latencyMs`, { most: Number.MAX_VALUE });
    return {
      quality: quality ?? this.fail(`${side}.quality is missing`),
      ...(costUsd === null ? {} : { cost: nanoUsd(costUsd) as NanoUsd }),
      ...(latencyMs === null ? {} : { latencyMs }),
    };
  }

  /** A number from 0 to `most`; null when the field is absent or null. */
  #optional(fields: Fields, path: string, range: { readonly most: number }): number | null {
    const value = fields[path.slice(path.indexOf('.') + 1)];
    if (value === undefined || value === null) return null;
    if (typeof value !== 'number') this.fail(`${path} must be a number, not ${quoted(value)}`);
    if (!(value >= 0 && value <= range.most)) {
      this.fail(`${path} must ${range.most === Number.MAX_VALUE ? 'be finite and not negative' : `lie in 0…${range.most}`}, not ${value}`);
    }
    return value;
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
