import { readFile } from 'node:fs/promises';
import { SmallfirstError } from '../core/index.ts';
import type { PredictionRow, TrainingRow } from './types.ts';

/** Reads rows to train from. Throws INPUT_NOT_FOUND, or INPUT_INVALID at the first line that is not {"text", "label"}, or when there are none. */
export async function loadTrainingRows(file: string): Promise<TrainingRow[]> {
  return parseRows(await readText(file), file, toTrainingRow);
}

/** Reads rows to predict. Throws INPUT_NOT_FOUND, or INPUT_INVALID at the first line that is not {"id"?, "text", "label"?}, or when there are none. */
export async function loadPredictionRows(file: string): Promise<PredictionRow[]> {
  return parseRows(await readText(file), file, toPredictionRow);
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

type RowReader<T> = (record: Record<string, unknown>, fail: (message: string) => never) => T;

/** One JSON object per line; blank lines and a byte order mark are skipped. */
function parseRows<T>(text: string, file: string, read: RowReader<T>): T[] {
  const rows: T[] = [];
  let line = 0;
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    line += 1;
    if (raw.trim() === '') continue;
    const fail = (message: string): never => {
      throw new SmallfirstError('INPUT_INVALID', message, { position: { file, line } });
    };
    rows.push(read(parseObject(raw, fail), fail));
  }
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', 'the file holds no rows', { position: { file } });
  return rows;
}

function parseObject(raw: string, fail: (message: string) => never): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    return fail(`this line is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('a row must be a JSON object');
  return value as Record<string, unknown>;
}

const toTrainingRow: RowReader<TrainingRow> = (record, fail) => {
  const { label } = record;
  const text = textOf(record, fail);
  if (label === undefined) return fail('"label" is missing');
  if (typeof label !== 'string' || label.trim() === '') return fail(`"label" must be a text that is not blank, not ${show(label)}`);
  return { text, label };
};

const toPredictionRow: RowReader<PredictionRow> = (record, fail) => {
  const { id, label } = record;
  const text = textOf(record, fail);
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return fail(`"id" must be a text or a number, not ${show(id)}`);
  if (label !== undefined && label !== null && typeof label !== 'string') return fail(`"label" must be a text or null, not ${show(label)}`);
  return { text, ...(id === undefined ? {} : { id }), ...(label === undefined ? {} : { label }) };
};

function textOf(record: Record<string, unknown>, fail: (message: string) => never): string {
  const { text } = record;
  if (text === undefined) return fail('"text" is missing');
  if (typeof text !== 'string') return fail(`"text" must be a text, not ${show(text)}`);
  return text;
}

/** A short look at a wrong value, by its kind when it is long. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value) ?? 'nothing';
}
