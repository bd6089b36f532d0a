import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { contentHash, type Json, SmallfirstError } from '../core/index.ts';
import { csvRows } from './read-csv.ts';
import { filesOf, folderRows } from './read-folder.ts';
import { countLines, linesOf, MAX_LINE, slabsOf } from './read-lines.ts';
import { parquetRowCount, parquetRows } from './read-parquet.ts';
import type { InputRow, RawRow } from './types.ts';

/** Bytes that are read together: their rows are short-lived, and leave the memory before it is cleared in earnest. */
const CHUNK = 64 * 1024;

type Format = 'folder' | 'json-lines' | 'csv' | 'tsv' | 'parquet';

/**
 * Reads the rows of a bulk job in blocks: JSON Lines (`.jsonl`, `.ndjson`), CSV or TSV with a head line, each also as `.gz`, Parquet by
 * the optional package hyparquet, or a folder, each of whose files is one row. A row is an object with `text`, or a text alone. A bad row
 * is given with its problem, and the next ones are read on. Memory does not grow with the input.
 * Throws INPUT_NOT_FOUND, and INPUT_INVALID for what is no such file.
 */
export async function* readRows(path: string): AsyncGenerator<readonly InputRow[]> {
  let ordinal = 0;
  for await (const block of rawRows(path, await formatOf(path))) {
    yield block.map((row, i) => numbered(ordinal + i, row));
    ordinal += block.length;
  }
}

/** How many rows an input holds, and its first ones. Throws like `readRows`; JSON of the other rows is not looked at. */
export async function countRows(
  path: string,
  sample: number,
  onCount: (rows: number) => void,
): Promise<{ readonly rows: number; readonly first: readonly InputRow[] }> {
  const format = await formatOf(path);
  const first: InputRow[] = [];
  for await (const block of readRows(path)) {
    first.push(...block.slice(0, sample - first.length));
    if (first.length >= sample) break;
  }
  if (first.length < sample) return { rows: first.length, first };
  let rows = 0;
  if (format === 'parquet') rows = await parquetRowCount(path);
  else if (format === 'json-lines') {
    for await (const slab of readable(path, slabsOf(opened(path)))) {
      rows += slab === null ? 1 : countLines(slab);
      onCount(rows);
    }
  } else if (format === 'folder') {
    for await (const _ of filesOf(path)) {
      rows += 1;
      onCount(rows);
    }
  } else {
    for await (const block of rawRows(path, format)) {
      rows += block.length;
      onCount(rows);
    }
  }
  return { rows, first };
}

/** What an input looks like from outside: another one after any change. Throws INPUT_NOT_FOUND. */
export async function inputVersion(path: string): Promise<string> {
  const found = await lookAt(path);
  if (!found.isDirectory()) return `${found.size}:${found.mtimeMs}`;
  let version = '';
  for await (const { id, path: file } of filesOf(path)) {
    const { size, mtimeMs } = await stat(file);
    version = contentHash([version, id, size, mtimeMs]);
  }
  return version;
}

// Written out: a copy by spreading makes a hidden class for each row, which stays in the memory until it is cleared in earnest.
function numbered(ordinal: number, { line, value, problem }: RawRow): InputRow {
  const id = idOf(value) ?? ordinal + 1;
  if (problem !== null) return { ordinal, line, id, input: {}, problem };
  if (typeof value === 'string') return { ordinal, line, id, input: { text: value }, problem: null };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ordinal, line, id, input: {}, problem: 'a row must be a JSON object with "text", or a text' };
  }
  return { ordinal, line, id, input: value as Readonly<Record<string, Json>>, problem: null };
}

function idOf(value: unknown): string | number | null {
  if (typeof value !== 'object' || value === null) return null;
  const { id } = value as { readonly id?: unknown };
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function lookAt(path: string) {
  return stat(path).catch((cause: unknown) => {
    throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${path}`, { cause });
  });
}

async function formatOf(path: string): Promise<Format> {
  if ((await lookAt(path)).isDirectory()) return 'folder';
  switch (extname(path.replace(/\.gz$/i, '')).toLowerCase()) {
    case '.csv':
      return 'csv';
    case '.tsv':
      return 'tsv';
    case '.parquet':
      return 'parquet';
    case '.jsonl':
    case '.ndjson':
    case '.json':
    case '':
      return 'json-lines';
    default:
      throw new SmallfirstError('INPUT_INVALID', 'the input must be .jsonl, .ndjson, .csv, .tsv, .parquet or a folder', {
        position: { file: path },
      });
  }
}

function rawRows(path: string, format: Format): AsyncGenerator<readonly RawRow[]> {
  switch (format) {
    case 'folder':
      return folderRows(path);
    case 'csv':
      return csvRows(path, opened(path), ',');
    case 'tsv':
      return csvRows(path, opened(path), '\t');
    case 'parquet':
      return parquetRows(path);
    case 'json-lines':
      return jsonRows(path);
  }
}

function opened(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  if (!/\.gz$/i.test(path)) return file;
  // What goes wrong on either side is heard where the plain one is read; both are closed together.
  return pipeline(file, createGunzip({ chunkSize: CHUNK }), () => {});
}

/** A file that cannot be read to its end, such as a torn .gz, is a wrong input and no bug. */
async function* readable<T>(path: string, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (cause) {
    if (cause instanceof SmallfirstError) throw cause;
    throw new SmallfirstError('INPUT_INVALID', `the file cannot be read: ${(cause as Error).message}`, { position: { file: path }, cause });
  }
}

async function* jsonRows(path: string): AsyncGenerator<readonly RawRow[]> {
  let line = 0;
  for await (const slab of readable(path, slabsOf(opened(path)))) {
    if (slab === null) {
      line += 1;
      yield [{ line, value: null, problem: `the line is longer than ${MAX_LINE} bytes` }];
      continue;
    }
    const block: RawRow[] = [];
    for (const text of linesOf(slab)) {
      line += 1;
      const row = parsed(line === 1 ? text.replace(/^\uFEFF/, '') : text, line);
      if (row !== null) block.push(row);
    }
    yield block;
  }
}

/** Null for a blank line. */
function parsed(text: string, line: number): RawRow | null {
  try {
    return { line, value: withWholeId(JSON.parse(text), text), problem: null };
  } catch (error) {
    return text.trim() === '' ? null : { line, value: null, problem: `the line is not JSON: ${(error as Error).message}` };
  }
}

/** An id of more digits than a number holds is kept as a text: rounded, it would be somebody else's. */
function withWholeId(value: unknown, text: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { id } = value as { readonly id?: unknown };
  if (typeof id !== 'number' || !Number.isInteger(id) || Number.isSafeInteger(id)) return value;
  const digits = /"id"\s*:\s*(-?\d+)\s*[,}]/.exec(text)?.[1];
  return digits !== undefined && Number(digits) === id ? { ...value, id: digits } : value;
}
