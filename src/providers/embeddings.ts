import { type Json, SmallfirstError } from '../core/index.ts';
import { codecs } from './codecs/index.ts';
import { AnswerQueue, restOf } from './upstream/answer-queue.ts';
import { refusalError } from './upstream/refusal-error.ts';
import type { UpstreamRequest } from './upstream/types.ts';
import type { Upstream } from './upstream/upstreams.ts';

/** Texts per request: few enough for every server that was looked at, enough to make the way there cheap. */
const BATCH = 64;
/** Requests at once. */
const AT_ONCE = 4;
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Vectors of texts, in their order. */
export interface Embedded {
  readonly vectors: readonly Float32Array[];
  /** As the endpoint counted; null where it did not say for every request. */
  readonly inputTokens: number | null;
}

/** Turns texts into vectors. */
export interface Embedder {
  /** The model's name on the wire: vectors of another model mean something else. */
  readonly model: string;
  /** Throws UPSTREAM_BUSY, UPSTREAM_REJECTED, UPSTREAM_FAILED, UPSTREAM_INVALID, or ABORTED; `onDone` is told how many texts are done. */
  embed(texts: readonly string[], signal: AbortSignal | null, onDone?: (done: number) => void): Promise<Embedded>;
}

/** An OpenAI-compatible `/v1/embeddings` endpoint, called through an upstream: with its keys, its retries and its limits. */
export function createEmbedder(upstream: Upstream): Embedder {
  return {
    model: upstream.target.model,
    embed: async (texts, signal, onDone) => {
      const starts = Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, i) => i * BATCH);
      const parts = new Map<number, Embedded>();
      let done = 0;
      const work = async (): Promise<void> => {
        for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
          const batch = texts.slice(start, start + BATCH);
          parts.set(start, await embedBatch(upstream, batch, signal));
          done += batch.length;
          onDone?.(done);
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, starts.length) }, work));
      return joined([...parts].sort(([a], [b]) => a - b).map(([, part]) => part));
    },
  };
}

function joined(parts: readonly Embedded[]): Embedded {
  const counts = parts.map(({ inputTokens }) => inputTokens);
  return {
    vectors: parts.flatMap(({ vectors }) => vectors),
    inputTokens: counts.includes(null) ? null : counts.reduce((sum: number, count) => sum + (count ?? 0), 0),
  };
}

async function embedBatch(upstream: Upstream, texts: readonly string[], signal: AbortSignal | null): Promise<Embedded> {
  const queue = new AnswerQueue();
  const exchange = upstream.send(requestFor(texts, signal), queue);
  queue.exchange = exchange;
  try {
    const { status, target, retryAfterMs } = await queue.head();
    if (status >= 300) {
      const body = await restOf(queue, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
      throw refusalError(target.name, codecs['openai-chat'].readError(status, body.toString('utf8')), retryAfterMs);
    }
    return readEmbeddings(await restOf(queue, MAX_ANSWER_BYTES), texts.length, target.name);
  } finally {
    exchange.abort();
  }
}

function requestFor(texts: readonly string[], signal: AbortSignal | null): UpstreamRequest {
  return {
    method: 'POST',
    query: '',
    clientRetry: false,
    signal,
    deadlineAt: null,
    write: ({ model }) => ({
      path: '/v1/embeddings',
      headers: ['content-type', 'application/json'],
      // An empty text is refused by most endpoints; a blank one is not.
      body: Buffer.from(JSON.stringify({ model, input: texts.map((text) => (text === '' ? ' ' : text)), encoding_format: 'float' })),
    }),
  };
}

function readEmbeddings(body: Buffer, count: number, name: string): Embedded {
  const invalid = (why: string): SmallfirstError =>
    new SmallfirstError('UPSTREAM_INVALID', `The embeddings of ${name} cannot be read: ${why}.`);
  let answer: Json;
  try {
    answer = JSON.parse(body.toString('utf8')) as Json;
  } catch {
    throw invalid('the answer is not JSON');
  }
  const { data, usage } = (isObject(answer) ? answer : {}) as { readonly data?: Json; readonly usage?: Json };
  if (!Array.isArray(data) || data.length !== count)
    throw invalid(`${Array.isArray(data) ? data.length : 'no'} vectors for ${count} texts`);
  const vectors = new Array<Float32Array>(count);
  for (const [place, row] of data.entries()) {
    const { index, embedding } = (isObject(row) ? row : {}) as { readonly index?: Json; readonly embedding?: Json };
    const at = typeof index === 'number' ? index : place;
    if (!(Number.isInteger(at) && at >= 0 && at < count) || vectors[at]) throw invalid('its vectors are numbered wrongly');
    if (!Array.isArray(embedding) || embedding.length === 0 || !embedding.every(Number.isFinite))
      throw invalid('a vector is no list of numbers');
    vectors[at] = Float32Array.from(embedding as readonly number[]);
  }
  if (new Set(vectors.map(({ length }) => length)).size > 1) throw invalid('its vectors differ in length');
  const tokens = isObject(usage) ? ((usage.prompt_tokens ?? usage.total_tokens) as Json | undefined) : undefined;
  return { vectors, inputTokens: typeof tokens === 'number' && tokens >= 0 ? tokens : null };
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
