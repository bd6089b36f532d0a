import { readFile } from 'node:fs/promises';
import { type Position, SmallfirstError } from '../core/index.ts';

/** One line of a file: its members, and how to say that something is wrong with it. */
export interface RowRecord {
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly fail: (message: string) => never;
}

/** Reads a file of rows: one JSON object per line, blank lines and a byte order mark skipped. Throws INPUT_NOT_FOUND or INPUT_INVALID. */
export async function readRecords(file: string): Promise<RowRecord[]> {
  return parseLines(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${file}`, { cause });
    throw new SmallfirstError('INPUT_INVALID', `${file} cannot be read (${code ?? 'unknown error'})`, { cause });
  }
}

function parseLines(text: string, file: string): RowRecord[] {
  const records: RowRecord[] = [];
  let line = 0;
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    line += 1;
    if (raw.trim() !== '') records.push(parseLine(raw, { file, line }));
  }
  if (records.length === 0) throw new SmallfirstError('INPUT_INVALID', 'the file holds no rows', { position: { file } });
  return records;
}

function parseLine(raw: string, position: Position & { readonly line: number }): RowRecord {
  const fail = (message: string): never => {
    throw new SmallfirstError('INPUT_INVALID', message, { position });
  };
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    return fail(`this line is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('a row must be a JSON object');
  return { line: position.line, fields: value as Record<string, unknown>, fail };
}

/** A short look at a wrong value, by its kind when it is long. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value) ?? 'nothing';
}
