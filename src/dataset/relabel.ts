import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { addUsd, contentHash, type Json, type NanoUsd, type Output, SmallfirstError, ZERO_USD } from '../core/index.ts';
import { answerForm, Counts, type DraftRow, type NodeResult } from './draft.ts';
import type { Teacher } from './types.ts';

/** What one answer of a teacher was. */
export interface TeacherAnswer {
  readonly text: string;
  readonly served: string | null;
  /** Null where it has no known price. */
  readonly cost: NanoUsd | null;
}

/** An answer, or one that cost money and is of no use. */
export type AskedAnswer = Omit<TeacherAnswer, 'text'> & { readonly text: string | null };

/** A bigger model that can be asked, as the composition root makes it. */
export interface TeacherPort {
  /** Name and provider in the registry. */
  readonly model: string;
  readonly provider: string;
  /** Hash of everything that decides its answers beside the input: model, version, parameters, prompt, kind of output. */
  readonly snapshot: string;
  /** The most that asking about a row can cost; null where it has no known price. */
  worstCost(row: Pick<DraftRow, 'text' | 'messages'>): NanoUsd | null;
  /** `text` is null for an answer that is not whole. Throws SmallfirstError where the call fails. */
  ask(row: Pick<DraftRow, 'text' | 'messages' | 'id'>): Promise<AskedAnswer>;
}

/** Which rows are asked about again. People's answers never are. */
export type RelabelWhich = 'missing' | 'all';

/** What a relabelling would cost at most, before anything is asked. */
export interface RelabelEstimate {
  readonly rows: number;
  /** Of these, answered already by an earlier run. */
  readonly cached: number;
  /** Of the others; null where the model has no known price. */
  readonly worst: NanoUsd | null;
}

/** How a relabelling runs. */
export interface RelabelRun {
  readonly which: RelabelWhich;
  readonly output: Output | null;
  /** No call begins that could take the spending above it. */
  readonly maxCost: NanoUsd;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number, spent: NanoUsd) => void;
}

/** Counts what would be asked and what it could cost. */
export function estimateRelabel(
  rows: readonly DraftRow[],
  which: RelabelWhich,
  teacher: TeacherPort,
  answers: AnswerCache,
): RelabelEstimate {
  const wanted = rows.filter((row) => isWanted(row, which));
  const asked = wanted.filter((row) => !answers.has(inputHash(row)));
  let worst: NanoUsd | null = ZERO_USD;
  for (const row of asked) {
    const cost = teacher.worstCost(row);
    worst = worst === null || cost === null ? null : addUsd(worst, cost);
  }
  return { rows: wanted.length, cached: wanted.length - asked.length, worst };
}

/**
 * Asks a teacher about rows, several at once, and puts its answers in. Each answer is on disk before it counts, so a run that is stopped
 * goes on where it was and nothing is paid for twice. Counts: `relabelled`, `relabel-cached`, `relabel-invalid`, `relabel-failed`,
 * `over-budget`, `changed` (another answer than before).
 */
export async function relabelRows(
  rows: readonly DraftRow[],
  teacher: TeacherPort,
  { answers, run }: { readonly answers: AnswerCache; readonly run: RelabelRun },
): Promise<NodeResult & { readonly spent: NanoUsd }> {
  const counts = new Counts();
  const wanted = rows.filter((row) => isWanted(row, run.which));
  const asked = unique(wanted.filter((row) => !answers.has(inputHash(row))));
  const cached = new Set(wanted.map(inputHash).filter((hash) => answers.has(hash)));
  const spending = new Spending(run.maxCost);
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let row = asked[next++]; row !== undefined; row = asked[next++]) {
      if (run.signal.aborted)
        throw new SmallfirstError('ABORTED', `Stopped after ${done} of ${asked.length} answers; the same command goes on where it was.`);
      await askOne(row, { teacher, answers, spending, counts }).catch((error: unknown) => {
        // The others finish the call that they are in, whose answer is paid for, and begin none.
        next = asked.length;
        throw error;
      });
      done += 1;
      run.onProgress?.(done, asked.length, spending.spent);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(run.concurrency, asked.length) }, worker));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  const who = { model: teacher.model, provider: teacher.provider };
  const relabelled = rows.map((row) => {
    const answer = isWanted(row, run.which) ? answers.get(inputHash(row)) : undefined;
    if (answer === undefined) return row;
    if (cached.has(inputHash(row))) counts.add('relabel-cached');
    return withAnswer(row, { answer, teacher: { ...who, served: answer.served } }, { output: run.output, counts });
  });
  return { rows: relabelled, counts: counts.all, spent: spending.spent };
}

interface Asking {
  readonly teacher: TeacherPort;
  readonly answers: AnswerCache;
  readonly spending: Spending;
  readonly counts: Counts;
}

async function askOne(row: DraftRow, { teacher, answers, spending, counts }: Asking): Promise<void> {
  const hold = spending.begin(teacher.worstCost(row));
  if (hold === null) {
    counts.add('over-budget');
    return;
  }
  let held: number | null = hold;
  try {
    const answer = await teacher.ask(row);
    held = null;
    spending.settle(hold, answer.cost);
    if (answer.text === null) counts.add('relabel-failed');
    else await answers.add(inputHash(row), { ...answer, text: answer.text });
  } catch (error) {
    if (held !== null) spending.settle(held, null);
    if (!(error instanceof SmallfirstError) || error.code === 'ABORTED') throw error;
    counts.add('relabel-failed');
  }
}

function withAnswer(
  row: DraftRow,
  { answer, teacher }: { readonly answer: TeacherAnswer; readonly teacher: Teacher },
  { output, counts }: { readonly output: Output | null; readonly counts: Counts },
): DraftRow {
  const text = answerForm(answer.text, output);
  if (text === null) {
    counts.add('relabel-invalid');
    return row;
  }
  counts.add('relabelled');
  const was = row.output ?? null;
  if (was !== null && was !== text) counts.add('changed');
  const rejected = was === null || was === text ? row.rejected : was;
  return { ...row, output: text, rejected: rejected === text ? null : rejected, provenance: 'model-label', teacher };
}

function isWanted({ provenance, output }: DraftRow, which: RelabelWhich): boolean {
  return provenance !== 'human' && (which === 'all' || output === undefined);
}

function inputHash({ text, messages }: Pick<DraftRow, 'text' | 'messages'>): string {
  return contentHash({ text: messages === null ? text : null, messages: messages as Json });
}

function unique(rows: readonly DraftRow[]): readonly DraftRow[] {
  return [...new Map(rows.map((row) => [inputHash(row), row])).values()];
}

/** Money under a cap: a call that begins holds the most that it can cost. */
class Spending {
  readonly #cap: NanoUsd;
  #held = 0;
  spent: NanoUsd = ZERO_USD;

  constructor(cap: NanoUsd) {
    this.#cap = cap;
  }

  /** Holds what a call may cost; null when that would pass the cap, or when nobody knows what it costs. */
  begin(worst: NanoUsd | null): number | null {
    if (worst === null || this.spent + this.#held + worst > this.#cap) return null;
    this.#held += worst;
    return worst;
  }

  settle(hold: number, cost: NanoUsd | null): void {
    this.#held -= hold;
    if (cost !== null) this.spent = addUsd(this.spent, cost);
  }
}

/** Answers of one teacher by input, in a file that only grows: one line for each, the last one perhaps torn by a crash. */
export class AnswerCache {
  readonly #path: string;
  readonly #answers: Map<string, TeacherAnswer>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, answers: Map<string, TeacherAnswer>) {
    this.#path = path;
    this.#answers = answers;
  }

  /** Reads what is there; a line that is not whole is left out, and asked about again. */
  static async open(path: string): Promise<AnswerCache> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = await readFile(path, 'utf8').catch(() => '');
    const answers = new Map<string, TeacherAnswer>();
    for (const line of text.split('\n')) {
      const read = parse(line);
      if (read !== null) answers.set(read.input, read.answer);
    }
    // What a crash left of a line must not swallow the next one.
    if (text !== '' && !text.endsWith('\n')) await appendFile(path, '\n');
    return new AnswerCache(path, answers);
  }

  has(input: string): boolean {
    return this.#answers.has(input);
  }

  get(input: string): TeacherAnswer | undefined {
    return this.#answers.get(input);
  }

  /** Resolves when the answer is in the file. */
  async add(input: string, answer: TeacherAnswer): Promise<void> {
    this.#writing = this.#writing.then(() => appendFile(this.#path, `${JSON.stringify({ input, answer })}\n`, { mode: 0o600 }));
    await this.#writing;
    this.#answers.set(input, answer);
  }
}

function parse(line: string): { readonly input: string; readonly answer: TeacherAnswer } | null {
  try {
    const value = JSON.parse(line) as { readonly input?: unknown; readonly answer?: TeacherAnswer } | null;
    return typeof value?.input === 'string' && typeof value.answer?.text === 'string' ? { input: value.input, answer: value.answer } : null;
  } catch {
    return null;
  }
}
