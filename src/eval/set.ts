import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  contentHash,
  type Json,
  type Message,
  normaliseLabel,
  type Output,
  SmallfirstError,
  splitLines,
  textMessage,
} from '../core/index.ts';
import type { EvalItem } from './types.ts';

type Fail = (message: string) => never;

/** What a whole set is: counted and checked before anything is asked. */
export interface SetSummary {
  readonly items: number;
  readonly hash: string;
  /** Whether rows carry gold answers: all do, or none does. */
  readonly hasGold: boolean;
  readonly hasClusters: boolean;
}

/**
 * Reads a set row by row: JSON Lines of {id?, text | input | messages, expected?, cluster?}; `label` may stand for `expected`.
 * A row without an id has its line number for one. Throws INPUT_NOT_FOUND, or INPUT_INVALID at the line that is malformed.
 */
export async function* readSet(file: string, output: Output, limit: number | null = null): AsyncIterable<EvalItem> {
  let line = 0;
  let items = 0;
  for await (const text of lines(file)) {
    line += 1;
    if (text.trim() === '') continue;
    if (limit !== null && items >= limit) return;
    items += 1;
    yield readItem(text, line, output, failAt(file, line));
  }
}

/** Reads a set to its end: every row is valid, ids differ, and gold answers are everywhere or nowhere. Keeps ids, not rows. */
export async function checkSet(file: string, output: Output, limit: number | null = null): Promise<SetSummary> {
  const lineOf = new Map<string, number>();
  const hash = createHash('sha256');
  let gold: boolean | null = null;
  let hasClusters = false;
  for await (const item of readSet(file, output, limit)) {
    const fail = failAt(file, item.line);
    const before = lineOf.get(item.id);
    if (before !== undefined) fail(`The id "${item.id}" stands in line ${before} already; every row needs its own.`);
    lineOf.set(item.id, item.line);
    const hasGold = item.expected !== undefined;
    gold ??= hasGold;
    if (gold !== hasGold)
      fail(
        `This row has ${hasGold ? 'an' : 'no'} "expected" and the rows before have ${gold ? 'one' : 'none'}; give it to all or to none.`,
      );
    hasClusters ||= item.cluster !== null;
    hash.update(item.hash).update(contentHash(item.expected ?? null));
  }
  if (gold === null) throw new SmallfirstError('INPUT_INVALID', `The set ${file} holds no rows.`, { position: { file } });
  return { items: lineOf.size, hash: hash.digest('hex'), hasGold: gold, hasClusters };
}

async function* lines(file: string): AsyncIterable<string> {
  try {
    yield* splitLines(createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 18 }));
  } catch (error) {
    if (error instanceof SmallfirstError) throw error;
    throw new SmallfirstError('INPUT_NOT_FOUND', `The set ${file} cannot be read.`, { cause: error });
  }
}

function failAt(file: string, line: number): Fail {
  return (message) => {
    throw new SmallfirstError('INPUT_INVALID', message, { position: { file, line } });
  };
}

function readItem(text: string, line: number, output: Output, fail: Fail): EvalItem {
  const row = parseRow(text, fail);
  const { id, cluster } = row;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return fail('"id" must be a text or a number.');
  if (cluster !== undefined && cluster !== null && typeof cluster !== 'string' && typeof cluster !== 'number') {
    return fail('"cluster" must be a text or a number.');
  }
  const question = readQuestion(row, fail);
  return {
    id: id === undefined ? String(line) : String(id),
    line,
    ...question,
    expected: readExpected(row, output, fail),
    cluster: cluster === undefined || cluster === null ? null : String(cluster),
    hash: contentHash({ id: id === undefined ? null : String(id), input: question.input, messages: question.messages as Json }),
  };
}

function parseRow(text: string, fail: Fail): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('This line is not valid JSON.');
  }
  return isMapping(value) ? value : fail('A row must be a JSON object.');
}

function readQuestion(row: Record<string, unknown>, fail: Fail): Pick<EvalItem, 'input' | 'messages'> {
  const given = (['text', 'input', 'messages'] as const).filter((key) => row[key] !== undefined);
  if (given.length !== 1) return fail(`A row needs one of "text", "input" and "messages", and this one has ${given.length}.`);
  if (row.messages !== undefined) return { input: null, messages: readMessages(row.messages, fail) };
  const input = row.text ?? row.input;
  return typeof input === 'string' ? { input, messages: null } : fail(`"${given[0]}" must be a text.`);
}

function readMessages(value: unknown, fail: Fail): readonly Message[] {
  if (!Array.isArray(value) || value.length === 0) return fail('"messages" must be a list of {"role", "content"}.');
  return value.map((message: unknown) => {
    const { role, content } = isMapping(message) ? message : {};
    if (role !== 'system' && role !== 'user' && role !== 'assistant')
      return fail('The "role" of a message must be system, user or assistant.');
    if (typeof content !== 'string') return fail('The "content" of a message must be a text.');
    return textMessage(role, content);
  });
}

function readExpected(row: Record<string, unknown>, output: Output, fail: Fail): Json | undefined {
  const expected = (row.expected ?? row.label ?? undefined) as Json | undefined;
  if (expected === undefined || output.kind !== 'label') return expected;
  if (typeof expected !== 'string') return fail('"expected" must be one of the labels of the task.');
  if (normaliseLabel(expected, output.labels) === null) {
    return fail(`"expected" is ${JSON.stringify(expected)}, which is not a label of the task: ${output.labels.slice(0, 12).join(', ')}.`);
  }
  return expected;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
