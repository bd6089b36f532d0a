import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { addUsd, type NanoUsd, SmallfirstError, ZERO_USD } from '../../core/index.ts';
import { type BatchApi, mayHaveHappened, type RemoteBatch, UpstreamError } from '../../providers/index.ts';
import type { AnswerBook, Kept } from './answer-book.ts';
import type { KeptBatch } from './rounds.ts';

/** What driving a batch needs of the world. */
export interface DriveDeps {
  readonly api: BatchApi;
  readonly answers: AnswerBook;
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits; ends early, without an error, where the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Between two looks at a batch, in milliseconds. */
  readonly pollMs: number;
  /** Ids of the job's other batches. */
  readonly others: () => ReadonlySet<string>;
  /** What an answer cost; null when it is unpriced. */
  readonly priceOf: (body: unknown) => NanoUsd | null;
  readonly onChange: () => void;
}

/** Looks that must find nothing before a batch that may have been begun is sent again. */
const LOOKS = 3;
const LONGEST_WAIT_MS = 10 * 60_000;
/** Failures in a row after which a provider is taken to be gone; the job goes on from there. */
const MAX_FAILURES = 8;

/**
 * Takes a batch from wherever it is to the answer book. Its card is written before and after every step, so that it can be broken off
 * anywhere and go on: a submission whose end nobody heard is looked up before it is ever sent again. Rejects with ABORTED, what the
 * provider's API throws, and UPSTREAM_REJECTED for a batch that it refuses.
 */
export async function driveBatch(batch: KeptBatch, deps: DriveDeps): Promise<void> {
  let failures = 0;
  let crowded = 0;
  while (batch.card.state !== 'fetched') {
    stopWhere(deps.signal);
    const before = batch.card;
    try {
      const isCrowded = (await step(batch, deps)) === 'crowded';
      failures = 0;
      if (isCrowded) crowded += 1;
      if (isCrowded || (batch.card.state === 'sent' && before.state === 'sent')) await pause(isCrowded ? 2 ** crowded : 1, null, deps);
    } catch (error) {
      if (deps.signal.aborted || !isPassing(error)) throw error;
      // A limit is waited out; anything else only so often.
      if (!(error instanceof SmallfirstError && error.code === 'UPSTREAM_BUSY')) failures += 1;
      if (failures >= MAX_FAILURES) throw error;
      await pause(2 ** Math.min(10, failures), error instanceof UpstreamError ? error.retryAfterMs : null, deps);
    }
    deps.onChange();
  }
}

/** Calls a batch off at its provider, where it is at work there. What it has answered until then is fetched when the job goes on. */
export async function cancelBatch(batch: KeptBatch, deps: DriveDeps): Promise<void> {
  if (batch.card.state === 'sending') await settle(batch, deps);
  const { state, id } = batch.card;
  if (state !== 'sent' || id === null) return;
  const said = await deps.api.poll(id, deps.signal);
  note(batch, said.state === 'running' ? await deps.api.cancel(id, deps.signal) : said);
}

async function step(batch: KeptBatch, deps: DriveDeps): Promise<'crowded' | null> {
  const { api, signal } = deps;
  const { card } = batch;
  switch (card.state) {
    case 'ready': {
      const staged = card.staged ?? (await api.stage(batch.file, signal));
      if (staged !== card.staged) batch.change({ staged });
      batch.change({ state: 'sending', sentAt: deps.now() });
      await submit(batch, deps);
      return null;
    }
    case 'sending':
      await settle(batch, deps);
      return null;
    default:
      return look(batch, deps);
  }
}

async function submit(batch: KeptBatch, deps: DriveDeps): Promise<void> {
  try {
    note(batch, await deps.api.submit(batch.file, batch.card.staged, deps.signal));
  } catch (error) {
    // Where nothing can have been begun, it is as if it had never been sent.
    if (!mayHaveHappened(error)) batch.change({ state: 'ready', sentAt: null });
    throw error;
  }
}

/** Finds out whether a submission that nobody heard the end of has begun a batch. */
async function settle(batch: KeptBatch, deps: DriveDeps): Promise<void> {
  const { card, file } = batch;
  const ids = new Set<string>();
  for await (const id of idsOf(batch)) ids.add(id);
  for (let absent = 0; absent < LOOKS; ) {
    stopWhere(deps.signal);
    const submission = { file, staged: card.staged, sentAt: card.sentAt ?? 0, others: deps.others(), holds: (id: string) => ids.has(id) };
    const found = await deps.api.resolve(submission, deps.signal);
    if (found.is === 'there') {
      note(batch, found.batch);
      return;
    }
    absent = found.is === 'absent' ? absent + 1 : 0;
    if (absent < LOOKS) await pause(1, null, deps);
  }
  batch.change({ state: 'ready', sentAt: null });
}

async function look(batch: KeptBatch, deps: DriveDeps): Promise<'crowded' | null> {
  const said = await deps.api.poll(batch.card.id ?? '', deps.signal);
  note(batch, said);
  if (said.state === 'running') return null;
  if (said.state === 'ended') {
    await fetchResults(batch, said, deps);
    return null;
  }
  // Nothing was done and nothing is paid: it can be sent anew, when there is room or when a person has set right what was wrong.
  batch.change({ state: 'ready', id: null, sentAt: null, refused: batch.card.refused + 1 });
  if (said.state === 'crowded') return 'crowded';
  const why = said.error ?? said.status;
  batch.change({ staged: null });
  throw new SmallfirstError(
    'UPSTREAM_REJECTED',
    `The provider of ${batch.card.model} refused a batch of ${batch.card.requests} requests: ${why}`,
  );
}

function note(batch: KeptBatch, said: RemoteBatch): void {
  if (said.id === '') throw new UpstreamError('UPSTREAM_INVALID', `The upstream of ${batch.card.model} gave the batch no id.`);
  const { card } = batch;
  const news = { state: 'sent' as const, id: said.id, status: said.status, done: said.done ?? card.done };
  if (card.state !== 'sent' || card.id !== news.id || card.status !== news.status || card.done !== news.done) batch.change(news);
}

/** Brings what came of a batch to the answer book. Requests that nothing is told of can be asked again. */
async function fetchResults(batch: KeptBatch, said: RemoteBatch, { api, answers, signal, priceOf }: DriveDeps): Promise<void> {
  const missing = new Set<string>();
  for await (const id of idsOf(batch)) missing.add(id);
  const add = (id: string, kept: Kept): void => answers.add(rowOfCall(id), id, batch.file.mark, kept);
  let cost: NanoUsd | null = ZERO_USD;
  for await (const result of api.results(said, signal)) {
    // What is none of ours is nobody's answer.
    if (!missing.delete(result.id)) continue;
    if (result.kind === 'error') add(result.id, { kind: 'error', again: result.again, message: result.message });
    else {
      const price = priceOf(result.body);
      cost = cost === null || price === null ? null : addUsd(cost, price);
      add(result.id, { kind: 'answer', body: result.body });
    }
  }
  for (const id of missing) add(id, { kind: 'error', again: true, message: `the batch ended (${said.status}) without a word about it` });
  batch.change({ state: 'fetched', status: said.status, done: batch.card.requests, cost });
}

/** The id of a call: the row that it belongs to, and a hash of where it is made. */
export function callId(row: number, hash: string): string {
  return `${row}-${hash}`;
}

/** The row of a call, by its id. */
export function rowOfCall(id: string): number {
  return Number.parseInt(id, 10);
}

async function* idsOf(batch: KeptBatch): AsyncGenerator<string> {
  for await (const line of createInterface({ input: createReadStream(batch.requests), crlfDelay: Number.POSITIVE_INFINITY })) {
    const { custom_id: id } = JSON.parse(line) as { readonly custom_id?: unknown };
    if (typeof id === 'string') yield id;
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof SmallfirstError && error.row.retry;
}

function stopWhere(signal: AbortSignal): void {
  if (signal.aborted) throw new SmallfirstError('ABORTED', 'the job was stopped');
}

async function pause(times: number, atLeastMs: number | null, { pollMs, sleep, signal }: DriveDeps): Promise<void> {
  await sleep(Math.min(LONGEST_WAIT_MS, Math.max(atLeastMs ?? 0, pollMs * times)), signal);
}
