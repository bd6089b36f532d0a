import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Json } from '../../core/index.ts';
import { ANTHROPIC_VERSION } from '../codecs/anthropic-messages/write-request.ts';
import { readWireError } from '../codecs/errors.ts';
import type { BatchHttp } from './batch-http.ts';
import { itemsOf, membersOf, numberIn, textIn } from './members.ts';
import type { BatchApi, BatchFile, BatchResult, Doubt, RemoteBatch, Submission } from './types.ts';

const PATH = '/v1/messages/batches';
const HEADERS = { 'anthropic-version': ANTHROPIC_VERSION };
const PAGE = 1_000;
const MAX_PAGES = 5;
/** Clocks differ; an older batch is another one. */
const SKEW_MS = 10 * 60_000;
const COUNTS = ['processing', 'succeeded', 'errored', 'canceled', 'expired'] as const;

/**
 * Anthropic's message batches: all requests in the body of the submission, results as JSON Lines
 * (platform.claude.com/docs/en/build-with-claude/batch-processing). A batch carries no mark there: one whose submission was not heard
 * the end of is known by the ids of its requests, which its results tell.
 */
export function anthropicBatches(http: BatchHttp): BatchApi {
  const poll = async (id: string, signal: AbortSignal): Promise<RemoteBatch> =>
    toBatch(await http.json({ method: 'GET', path: `${PATH}/${encodeURIComponent(id)}`, headers: HEADERS, signal }));
  return {
    limits: { requests: 100_000, bytes: 250_000_000 },
    line: (id, { body }) => ({ custom_id: id, params: body }),
    stage: async () => null,
    submit: async (file, _staged, signal) => {
      const headers = { ...HEADERS, 'content-type': 'application/json', 'idempotency-key': file.mark };
      return toBatch(await http.stream({ method: 'POST', path: PATH, headers, once: true, signal }, requestsOf(file), lengthOf(file)));
    },
    resolve: (submission, signal) => resolve(http, submission, signal),
    poll,
    async *results({ id }, signal) {
      const path = `${PATH}/${encodeURIComponent(id)}/results`;
      for await (const line of http.lines({ method: 'GET', path, headers: HEADERS, signal })) {
        const result = readLine(line);
        if (result !== null) yield result;
      }
    },
    cancel: async (id, signal) => {
      const path = `${PATH}/${encodeURIComponent(id)}/cancel`;
      return toBatch(await http.json({ method: 'POST', path, headers: HEADERS, once: false, signal }));
    },
  };
}

const HEAD = '{"requests":[';
const TAIL = ']}';

/** The lines as one list: each line feed but the last becomes a comma, so that the length is known beforehand. */
async function* requestsOf({ path }: BatchFile): AsyncGenerator<string> {
  yield HEAD;
  let isFirst = true;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    yield isFirst ? line : `,${line}`;
    isFirst = false;
  }
  yield TAIL;
}

function lengthOf({ bytes }: BatchFile): number {
  return HEAD.length + Math.max(0, bytes - 1) + TAIL.length;
}

/** Looks at what was begun since: of the same number of requests, and, once its results can be read, with ours among them. */
async function resolve(http: BatchHttp, { file, sentAt, others, holds }: Submission, signal: AbortSignal): Promise<Doubt> {
  let isOpen = false;
  let after = '';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const listed = membersOf(await http.json({ method: 'GET', path: PATH, query: `limit=${PAGE}${after}`, headers: HEADERS, signal }));
    const batches = itemsOf(listed.data);
    for (const item of batches) {
      const batch = toBatch(item as Json);
      const createdAt = Date.parse(textIn(item.created_at) ?? '');
      const total = COUNTS.reduce((sum, count) => sum + (numberIn(membersOf(item.request_counts)[count]) ?? 0), 0);
      if (others.has(batch.id) || createdAt < sentAt - SKEW_MS || total !== file.requests) continue;
      if (batch.state === 'running') isOpen = true;
      else if (await isOurs(http, batch, holds, signal)) return { is: 'there', batch };
    }
    const last = textIn(listed.last_id);
    const oldest = Date.parse(textIn(batches.at(-1)?.created_at) ?? '');
    if (listed.has_more !== true || last === null || oldest < sentAt - SKEW_MS) break;
    after = `&after_id=${encodeURIComponent(last)}`;
  }
  return { is: isOpen ? 'open' : 'absent' };
}

async function isOurs(http: BatchHttp, { id }: RemoteBatch, holds: (id: string) => boolean, signal: AbortSignal): Promise<boolean> {
  const path = `${PATH}/${encodeURIComponent(id)}/results`;
  for await (const line of http.lines({ method: 'GET', path, headers: HEADERS, signal })) {
    const customId = textIn(membersOf(line).custom_id);
    if (customId !== null) return holds(customId);
  }
  return false;
}

function toBatch(json: Json): RemoteBatch {
  const batch = membersOf(json);
  const status = textIn(batch.processing_status) ?? 'in_progress';
  const counts = membersOf(batch.request_counts);
  const done = COUNTS.slice(1).reduce((sum, count) => sum + (numberIn(counts[count]) ?? 0), 0);
  return { id: textIn(batch.id) ?? '', state: status === 'ended' ? 'ended' : 'running', status, done, error: null, files: [] };
}

function readLine(line: Json): BatchResult | null {
  const { custom_id: customId, result } = membersOf(line);
  const id = textIn(customId);
  if (id === null) return null;
  const { type, message, error } = membersOf(result);
  if (type === 'succeeded' && message !== undefined) return { id, kind: 'answer', body: message };
  if (type !== 'errored')
    return { id, kind: 'error', again: true, status: null, message: `the request was not worked on: ${textIn(type) ?? 'no reason given'}` };
  // An envelope of its own: {type: 'error', error: {type, message}}. It comes without a status; its type says the kind.
  const said = readWireError(0, JSON.stringify(error ?? null));
  const again = !REFUSALS.has(said.kind);
  return { id, kind: 'error', again, status: null, message: said.message || 'the provider gave no reason' };
}

const REFUSALS: ReadonlySet<string> = new Set([
  'invalid-request',
  'context-length',
  'too-large',
  'not-found',
  'permission',
  'authentication',
  'billing',
  'not-supported',
]);
