import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { SmallfirstError, splitLines } from '../core/index.ts';
import { type RecordedAnswer, readAnswer } from './recorded-answer.ts';

/**
 * A recorded data set, served as models. The file is JSON Lines, one row per item:
 *
 *     {"id": "1", "input"?: "the text", "answers": {"gpt-4o": "billing", "small": {"text": "refund", "latencyMs"?: 512,
 *       "signals"?: {"probability"?, "token"?, "margin"?, "stated"?}, "usage"?: {"freshInput"?, "output"?, …}, "logprobs"?: […], "stop"?}}}
 *
 * An answer that is only a text may stand as a string. The first line may be a head, `{"recording": {"source": …, "licence": …}}`.
 */
export class Recording {
  readonly file: string;
  /** Where the data come from, as the head of the file says; null without one. */
  readonly source: Readonly<Record<string, string>> | null;
  /** SHA-256 of the file's lines: a recording that was changed has another. */
  readonly version: string;
  readonly #items: ReadonlyMap<string, ReadonlyMap<string, RecordedAnswer>>;
  readonly #ids: ReadonlyMap<string, string>;
  readonly #models: ReadonlySet<string>;

  constructor(file: string, rows: Iterable<RecordedRow>, head: { readonly version: string; readonly source: Recording['source'] }) {
    this.file = file;
    this.source = head.source;
    this.version = head.version;
    const items = new Map<string, ReadonlyMap<string, RecordedAnswer>>();
    const ids = new Map<string, string>();
    const models = new Set<string>();
    for (const row of rows) {
      items.set(row.id, row.answers);
      // Of equal inputs the first answers: which of them is meant cannot be known from the text.
      if (row.input !== null && !ids.has(row.input)) ids.set(row.input, row.id);
      for (const model of row.answers.keys()) models.add(model);
    }
    this.#items = items;
    this.#ids = ids;
    this.#models = models;
  }

  /** Names of the models that answer anything here. */
  models(): readonly string[] {
    return [...this.#models];
  }

  /** The id of the item whose input is exactly this text; null when there is none. */
  idOf(input: string): string | null {
    return this.#ids.get(input) ?? null;
  }

  /** What a model answered to an item. Throws RECORDING_MISSING when that was not recorded. */
  answer(id: string, model: string): RecordedAnswer {
    const answer = this.#items.get(id)?.get(model);
    if (answer) return answer;
    const what = this.#items.has(id) ? `no answer of ${model} to item ${id}` : `no item ${id}`;
    throw new SmallfirstError('RECORDING_MISSING', `The recording ${this.file} holds ${what}.`);
  }
}

/** A row of a recording. */
export interface RecordedRow {
  readonly id: string;
  readonly input: string | null;
  readonly answers: ReadonlyMap<string, RecordedAnswer>;
}

/** Reads a recording from a file. Throws INPUT_NOT_FOUND, or INPUT_INVALID at the line that is malformed. */
export async function loadRecording(file: string): Promise<Recording> {
  const rows = new Map<string, RecordedRow>();
  let source: Readonly<Record<string, string>> | null = null;
  let line = 0;
  const hash = createHash('sha256');
  for await (const text of lines(file)) {
    line += 1;
    if (text.trim() === '') continue;
    hash.update(text).update('\n');
    const fail = (message: string): never => {
      throw new SmallfirstError('INPUT_INVALID', message, { position: { file, line } });
    };
    const value = parse(text, fail);
    if (rows.size === 0 && source === null && 'recording' in value) {
      source = readHead(value.recording);
      continue;
    }
    const row = readRow(value, fail);
    if (rows.has(row.id)) fail(`The id "${row.id}" stands here for the second time.`);
    rows.set(row.id, row);
  }
  return new Recording(file, rows.values(), { version: `sha256:${hash.digest('hex')}`, source });
}

async function* lines(file: string): AsyncIterable<string> {
  try {
    yield* splitLines(createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 18 }));
  } catch (error) {
    if (error instanceof SmallfirstError) throw error;
    throw new SmallfirstError('INPUT_NOT_FOUND', `The recording ${file} cannot be read.`, { cause: error });
  }
}

function parse(text: string, fail: (message: string) => never): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('This line is not valid JSON.');
  }
  return isMapping(value) ? value : fail('A row of a recording must be a JSON object.');
}

function readHead(head: unknown): Readonly<Record<string, string>> {
  if (!isMapping(head)) return {};
  return Object.fromEntries(Object.entries(head).map(([key, value]) => [key, String(value)]));
}

function readRow(row: Record<string, unknown>, fail: (message: string) => never): RecordedRow {
  const { id, input, answers } = row;
  if (typeof id !== 'string' && typeof id !== 'number') return fail('A row of a recording needs an "id".');
  if (input !== undefined && typeof input !== 'string') return fail('"input" must be a text.');
  if (!isMapping(answers)) return fail('A row of a recording needs "answers": one per model.');
  const read = new Map<string, RecordedAnswer>();
  for (const [model, answer] of Object.entries(answers)) {
    read.set(
      model,
      readAnswer(answer, (what) => fail(`The answer of ${model}: ${what}.`)),
    );
  }
  return { id: String(id), input: input ?? null, answers: read };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
