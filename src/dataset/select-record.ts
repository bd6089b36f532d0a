import { type Call, contentHash, type EpochMs, type Output } from '../core/index.ts';
import type { RecordedRequest, Store, StoredPair } from '../store/index.ts';
import { messagesOfBody, textOfAnswer } from './captured-bodies.ts';
import { answerForm, Counts, type DraftRow, type NodeResult } from './draft.ts';
import type { ChatMessage, Teacher } from './types.ts';

/** Which traces of a task's record: closed requests and pairs of [since, until). */
export interface RecordSource {
  readonly task: string;
  readonly since: EpochMs;
  readonly until: EpochMs;
  /** Only what a small model's answer was escalated for, or only what it was not; null takes both. */
  readonly escalated: boolean | null;
  /** At most so many, the newest; null takes all. */
  readonly limit: number | null;
}

/** What reading traces needs. */
export interface RecordPorts {
  readonly store: Pick<Store, 'calls' | 'bodies' | 'pairs'>;
  /** The key of an answer's text in the store. */
  readonly answerKey: (callId: string) => string;
  /** The provider of a model of the registry; null for one that is not there any more. */
  readonly providerOf: (model: string) => string | null;
  readonly onProgress?: (rows: number) => void;
}

/**
 * Rows from the record: one for each client request whose texts were kept, from the bodies of its calls and from its pairs. The ceiling's
 * answer is the right one where a pair has both; the small model's, where it differs, is the worse one. What has no text is counted:
 * `no-text`, `no-answer`, `not-text` (tools, pictures), `invalid-answer` (kept, without an answer).
 */
export async function selectFromRecord(ports: RecordPorts, source: RecordSource, output: Output | null): Promise<NodeResult> {
  const counts = new Counts();
  const pairs = pairsByRequest(await ports.store.pairs.list({ task: source.task, since: source.since, until: source.until }));
  const rows = new Map<string, DraftRow>();
  const note = (name: string) => counts.add(name);
  for await (const request of requestsOf(ports, source)) {
    const row = await rowOfRequest(request, pairs.get(request.requestId) ?? [], { ports, output, note });
    if (row !== null) rows.set(request.requestId, row);
    if (rows.size % 500 === 0) ports.onProgress?.(rows.size);
  }
  for (const [requestId, of] of pairs) {
    if (rows.has(requestId)) continue;
    const row = rowOfPairs(requestId, of, { ports, output, note });
    if (row !== null) rows.set(requestId, row);
  }
  const chosen = [...rows.values()].filter(({ drawn }) => source.escalated === null || (drawn === 'escalated') === source.escalated);
  chosen.sort((a, b) => (a.at ?? 0) - (b.at ?? 0) || (a.id < b.id ? -1 : 1));
  return { rows: source.limit === null ? chosen : chosen.slice(-source.limit), counts: counts.all };
}

interface Reading {
  readonly ports: RecordPorts;
  readonly output: Output | null;
  readonly note: (name: string) => void;
}

async function* requestsOf({ store }: RecordPorts, { task, since, until }: RecordSource): AsyncGenerator<RecordedRequest> {
  let after: Pick<Call, 'at' | 'id'> | undefined;
  for (;;) {
    const page = await store.calls.requests({ task, since, until }, { limit: 500, ...(after === undefined ? {} : { after }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < 500) return;
    after = { at: last.closing.at, id: last.closing.id };
  }
}

async function rowOfRequest(request: RecordedRequest, pairs: readonly StoredPair[], reading: Reading): Promise<DraftRow | null> {
  const { requestId, closing, calls } = request;
  const { ports, output, note } = reading;
  if (closing.outcome !== 'accepted') {
    note('failed');
    return null;
  }
  const hash = closing.bodyHash ?? calls.find(({ bodyHash }) => bodyHash !== null)?.bodyHash ?? null;
  const body = hash === null ? null : await ports.store.bodies.get(hash);
  const messages = body === null ? null : messagesOfBody(body);
  if (messages === null) {
    // A pair of it may still have its input: then the pairs make the row.
    if (pairs.length === 0) note(body === null ? 'no-text' : 'not-text');
    return null;
  }
  const before = calls.findLast((call) => call.outcome === 'escalated' && call.id !== closing.id && call.error === null);
  const kept = async ({ id }: Call) => {
    const answer = await ports.store.bodies.get(ports.answerKey(id));
    return answer === null ? null : textOfAnswer(answer);
  };
  const known = bestPair(pairs);
  const answer = known?.bigOutput ?? (await kept(closing));
  if (answer === null) {
    note('no-answer');
    return null;
  }
  const small = known?.smallOutput ?? (before === undefined ? null : await kept(before));
  const teacher = known === null ? teacherOf(closing) : teacherOfPair(known, ports);
  return {
    id: requestId,
    conversation: closing.tags.conversation ?? closing.tags.session ?? conversationOf(messages),
    at: closing.at,
    text: messages.findLast(({ role }) => role === 'user')?.content ?? '',
    messages,
    ...answered({ answer, small }, output, note),
    provenance: 'log',
    drawn: before === undefined ? (known === null ? 'traffic' : known.drawn) : 'escalated',
    teacher,
    flags: [],
  };
}

function rowOfPairs(requestId: string, pairs: readonly StoredPair[], { ports, output, note }: Reading): DraftRow | null {
  const pair = bestPair(pairs);
  if (pair === null) {
    note('no-text');
    return null;
  }
  return {
    id: requestId,
    conversation: pair.cluster,
    at: pair.at,
    text: pair.input ?? '',
    messages: null,
    ...answered({ answer: pair.bigOutput ?? '', small: pair.smallOutput }, output, note),
    provenance: pair.drawn === 'upload' ? 'upload' : 'log',
    drawn: pair.drawn,
    teacher: teacherOfPair(pair, ports),
    flags: [],
  };
}

/** The answer in the data set's form, and the small model's where that is a worse one. */
function answered(
  { answer, small }: { readonly answer: string; readonly small: string | null },
  output: Output | null,
  note: (name: string) => void,
): Pick<DraftRow, 'output' | 'rejected'> {
  const right = answerForm(answer, output);
  if (right === null) {
    note('invalid-answer');
    return { rejected: null };
  }
  const worse = small === null ? null : (answerForm(small, output) ?? small);
  return { output: right, rejected: worse === right || worse?.trim() === '' ? null : worse };
}

function pairsByRequest(pairs: readonly StoredPair[]): ReadonlyMap<string, readonly StoredPair[]> {
  const byRequest = new Map<string, StoredPair[]>();
  for (const pair of pairs) {
    const key = pair.requestId ?? pair.id;
    const list = byRequest.get(key);
    if (list === undefined) byRequest.set(key, [pair]);
    else list.push(pair);
  }
  return byRequest;
}

/** The newest pair with texts, one whose small answer is worse before one whose is not. */
function bestPair(pairs: readonly StoredPair[]): StoredPair | null {
  const usable = pairs.filter(({ input, bigOutput }) => input !== null && bigOutput !== null);
  return (
    usable.findLast(({ smallOutput, smallQuality, bigQuality }) => smallOutput !== null && smallQuality < bigQuality) ??
    usable.at(-1) ??
    null
  );
}

function teacherOf({ model, provider, servedModel }: Call): Teacher {
  return { model, provider, served: servedModel };
}

function teacherOfPair({ big, servedBig }: StoredPair, { providerOf }: RecordPorts): Teacher {
  return { model: big, provider: providerOf(big) ?? 'unknown', served: servedBig };
}

/** Turns of one conversation begin alike: what comes before the first answer names it. */
function conversationOf(messages: readonly ChatMessage[]): string {
  const end = messages.findIndex(({ role }) => role === 'assistant');
  const start = end < 0 ? messages : messages.slice(0, end);
  return `starts ${contentHash(start.map(({ role, content }) => [role, content])).slice(0, 24)}`;
}
