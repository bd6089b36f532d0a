import { createReadStream } from 'node:fs';
import { contentHash, type Json, type Output, SmallfirstError, splitLines } from '../core/index.ts';
import { answerForm, type DraftRow } from './draft.ts';
import type { ChatMessage, Teacher } from './types.ts';

type Fail = (message: string) => never;
type Fields = Readonly<Record<string, unknown>>;

/** What an uploaded file's rows are taken as, where they do not say it themselves. */
export interface UploadOptions {
  readonly output: Output | null;
  /** Whose answers they hold; null for people's. */
  readonly teacher: Teacher | null;
}

/**
 * Reads uploaded rows, JSON Lines: {id?, text | input | messages, label | labels | fields | value | expected | output?, rejected?,
 * conversation? | cluster?, at?}. Messages that end with the assistant's hold their own answer. `label: null` is out of scope; no answer
 * at all leaves the row to a relabelling. Throws INPUT_NOT_FOUND, or INPUT_INVALID at the line that is malformed.
 */
export async function readUpload(file: string, options: UploadOptions): Promise<readonly DraftRow[]> {
  const rows: DraftRow[] = [];
  let line = 0;
  for await (const text of linesOf(file)) {
    line += 1;
    if (text.trim() === '') continue;
    const at = line;
    const fail: Fail = (message) => {
      throw new SmallfirstError('INPUT_INVALID', message, { position: { file, line: at } });
    };
    rows.push(rowOf(parse(text, fail), options, fail));
  }
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', 'The file holds no rows.', { position: { file } });
  return rows;
}

async function* linesOf(file: string): AsyncIterable<string> {
  try {
    yield* splitLines(createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 18 }));
  } catch (cause) {
    if (cause instanceof SmallfirstError) throw cause;
    throw new SmallfirstError('INPUT_NOT_FOUND', `The file ${file} cannot be read.`, { cause });
  }
}

function parse(text: string, fail: Fail): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('This line is not valid JSON.');
  }
  return isMapping(value) ? value : fail('A row must be a JSON object.');
}

function rowOf(row: Fields, { output, teacher }: UploadOptions, fail: Fail): DraftRow {
  const { messages, answer: said } = question(row, fail);
  const text = messages === null ? textMember(row, fail) : (messages.findLast(({ role }) => role === 'user')?.content ?? '');
  const given = answerMember(row, said, fail);
  const answer = typeof given === 'string' ? (answerForm(given, output) ?? fail(`${shown(given)} is no answer of the task.`)) : given;
  const rejected = optionalText(row, 'rejected', fail);
  const conversation = row.conversation ?? row.cluster ?? null;
  if (conversation !== null && typeof conversation !== 'string' && typeof conversation !== 'number')
    return fail('"conversation" must be a text or a number.');
  const { id } = row;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return fail('"id" must be a text or a number.');
  return {
    id: id === undefined ? contentHash({ text, messages: messages as Json }).slice(0, 32) : String(id),
    conversation: conversation === null ? null : String(conversation),
    at: timeOf(row.at, fail),
    text,
    messages,
    ...(answer === undefined ? {} : { output: answer }),
    rejected,
    provenance: 'upload',
    drawn: 'upload',
    teacher,
    flags: [],
  };
}

function question(row: Fields, fail: Fail): { readonly messages: readonly ChatMessage[] | null; readonly answer: string | undefined } {
  if (row.messages === undefined) return { messages: null, answer: undefined };
  if (!Array.isArray(row.messages) || row.messages.length === 0) return fail('"messages" must be a list of {"role", "content"}.');
  const messages = row.messages.map((message: unknown): ChatMessage => {
    const { role, content } = isMapping(message) ? message : ({} as Fields);
    if (role !== 'system' && role !== 'user' && role !== 'assistant')
      return fail('The "role" of a message must be system, user or assistant.');
    return typeof content === 'string' ? { role, content } : fail('The "content" of a message must be a text.');
  });
  const last = messages.at(-1);
  return last?.role === 'assistant' ? { messages: messages.slice(0, -1), answer: last.content } : { messages, answer: undefined };
}

function textMember(row: Fields, fail: Fail): string {
  const text = row.text ?? row.input;
  return typeof text === 'string' ? text : fail('A row needs "text", "input" or "messages".');
}

const STRUCTURED = ['labels', 'fields', 'value'] as const;

/** What the row says is right; undefined where it says nothing. */
function answerMember(row: Fields, said: string | undefined, fail: Fail): string | null | undefined {
  for (const name of STRUCTURED) if (row[name] !== undefined) return JSON.stringify(row[name]);
  const answer = row.label !== undefined ? row.label : (row.expected ?? row.output);
  if (answer === undefined) return said;
  if (answer === null || typeof answer === 'string') return answer;
  return typeof answer === 'object' || typeof answer === 'number' ? JSON.stringify(answer) : fail(`${shown(answer)} is no answer.`);
}

function optionalText(row: Fields, name: string, fail: Fail): string | null {
  const value = row[name] ?? null;
  return value === null || typeof value === 'string' ? value : fail(`"${name}" must be a text.`);
}

/** A time as milliseconds since 1970, or as ISO 8601 says it. */
function timeOf(value: unknown, fail: Fail): number | null {
  if (value === undefined || value === null) return null;
  const at = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? at : fail('"at" must be a time: milliseconds since 1970, or ISO 8601.');
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'Nothing').slice(0, 80);
}

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
