import { createReadStream } from 'node:fs';
import { opendir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { parse as csvParser } from 'csv-parse';
import { type Json, SmallfirstError } from '../core/index.ts';
import { readParquet } from './read-parquet.ts';
import type { InputRow } from './types.ts';

/** A longer line is no row: it would hold up everything else, and one of them fills the memory. */
const MAX_LINE = 32 * 1024 * 1024;

/** What a row holds, before it is numbered. */
interface RawRow {
  readonly line: number | null;
  readonly value: unknown;
  readonly problem: string | null;
}

/**
 * Reads the rows of a bulk job one at a time: JSON Lines (`.jsonl`, `.ndjson`, also `.gz`), CSV with a head line (`.csv`, `.tsv`), Parquet
 * (`.parquet`, by the optional package hyparquet), or a folder, each of whose files is one row. A row is an object with `text`, or a
 * text alone. A bad row is given with its problem, and the next ones are read on.
 * Throws INPUT_NOT_FOUND, and INPUT_INVALID for a format that nobody knows.
 */
export async function* readRows(path: string): AsyncGenerator<InputRow> {
  let ordinal = 0;
  for await (const { line, value, problem } of await rawRows(path)) {
    yield numbered(ordinal, line, value, problem);
    ordinal += 1;
  }
}

function numbered(ordinal: number, line: number | null, value: unknown, problem: string | null): InputRow {
  const row = { ordinal, line, id: ordinal + 1 };
  if (problem !== null) return { ...row, input: {}, problem };
  if (typeof value === 'string') return { ...row, input: { text: value }, problem: null };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ...row, input: {}, problem: 'a row must be a JSON object with "text", or a text' };
  }
  const input = value as Readonly<Record<string, Json>>;
  const { id } = input;
  return { ...row, ...(typeof id === 'string' || typeof id === 'number' ? { id } : {}), input, problem: null };
}

async function rawRows(path: string): Promise<AsyncIterable<RawRow>> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${path}`, { cause });
  });
  if (found.isDirectory()) return folderRows(path);
  const name = path.replace(/\.gz$/, '');
  switch (extname(name).toLowerCase()) {
    case '.csv':
      return csvRows(path, ',');
    case '.tsv':
      return csvRows(path, '\t');
    case '.parquet':
      return parquetRows(path);
    case '.jsonl':
    case '.ndjson':
    case '.json':
    case '':
      return jsonRows(path);
    default:
      throw new SmallfirstError('INPUT_INVALID', 'the input must be .jsonl, .ndjson, .csv, .tsv, .parquet or a folder', {
        position: { file: path },
      });
  }
}

function opened(path: string): NodeJS.ReadableStream {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  if (!path.endsWith('.gz')) return file;
  const plain = createGunzip();
  file.on('error', (error) => plain.destroy(error));
  return file.pipe(plain);
}

async function* jsonRows(path: string): AsyncGenerator<RawRow> {
  let line = 0;
  for await (const text of createInterface({ input: opened(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    const row = line === 1 ? text.replace(/^\uFEFF/, '') : text;
    if (row.trim() === '') continue;
    if (row.length > MAX_LINE) {
      yield { line, value: null, problem: `the line is longer than ${MAX_LINE} characters` };
      continue;
    }
    try {
      yield { line, value: JSON.parse(row), problem: null };
    } catch (error) {
      yield { line, value: null, problem: `the line is not JSON: ${(error as Error).message}` };
    }
  }
}

async function* csvRows(path: string, delimiter: string): AsyncGenerator<RawRow> {
  const parser = opened(path).pipe(
    csvParser({ columns: true, bom: true, delimiter, info: true, skip_empty_lines: true, max_record_size: MAX_LINE }),
  );
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: Record<string, string>; info: { lines: number } }>) {
      yield { line: info.lines, value: record, problem: null };
    }
  } catch (cause) {
    // Past a broken quote nobody knows where rows begin, so nothing after it is guessed.
    const line = (cause as { readonly lines?: number }).lines;
    throw new SmallfirstError('INPUT_INVALID', (cause as Error).message, {
      position: { file: path, ...(line === undefined ? {} : { line }) },
      cause,
    });
  }
}

async function* parquetRows(path: string): AsyncGenerator<RawRow> {
  for await (const value of readParquet(path)) yield { line: null, value, problem: null };
}

/** Each file is a row: its text, and its path in the folder as id. In the order of their paths, so that a job that goes on finds the same. */
async function* folderRows(folder: string): AsyncGenerator<RawRow> {
  const paths: string[] = [];
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (entry.isFile() && !entry.name.startsWith('.')) paths.push(join(entry.parentPath, entry.name));
  }
  for (const path of paths.sort()) {
    const id = relative(folder, path);
    const text = await readFile(path, 'utf8').catch((error: unknown) => error as Error);
    if (text instanceof Error) yield { line: null, value: null, problem: `${id} cannot be read: ${text.message}` };
    else yield { line: null, value: { id, text }, problem: null };
  }
}
