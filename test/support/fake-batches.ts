import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageReply } from './fake-upstream/anthropic.ts';
import { chatReply } from './fake-upstream/openai-chat.ts';
import type { Body } from './fake-upstream/types.ts';

/** What becomes of one request of a batch. */
export type Fate = 'answered' | 'expired' | 'failed' | 'refused';

/** What becomes of a submission. */
export type SubmitFault =
  /** The batch is begun, and the connection breaks before its id is told. */
  | 'lost-answer'
  /** Nothing is begun, and the connection breaks. */
  | 'lost-request'
  | 'busy'
  /** The batch is taken and fails at once: too much is waiting. */
  | 'crowded'
  | 'rejected';

/** One batch as the provider has it. */
export interface FakeBatch {
  readonly id: string;
  readonly mark: string | null;
  readonly model: string | null;
  readonly createdAt: number;
  readonly requests: readonly { readonly id: string; readonly body: Body }[];
  /** Decided when it ends. */
  fates: readonly Fate[] | null;
  polls: number;
  cancelled: boolean;
  crowded: boolean;
}

/** A provider's batch API on loopback, in the shapes that its documentation shows. */
export interface FakeBatches {
  readonly origin: string;
  readonly batches: readonly FakeBatch[];
  /** Requests of the HTTP API, as `METHOD path`. */
  readonly calls: readonly string[];
  /** Every header and body that came, joined: what must not be among them can be looked for. */
  readonly heard: () => string;
  /** While true, no batch ends. */
  hold: boolean;
  /** What the next submissions come to, one each. */
  readonly faults: SubmitFault[];
  /** What becomes of a request that is asked the n-th time (from 1). */
  fate: (text: string, times: number, model: string) => Fate;
  /** The text of an answer; null leaves it to the fake model. */
  answer: (text: string, model: string) => string | null;
  close(): Promise<void>;
}

type Provider = 'openai' | 'anthropic' | 'mistral';

interface State extends Omit<FakeBatches, 'close' | 'batches' | 'calls' | 'heard' | 'origin'> {
  origin: string;
  readonly provider: Provider;
  readonly key: string;
  readonly batches: FakeBatch[];
  readonly calls: string[];
  readonly files: Map<string, { readonly name: string; readonly bytes: Buffer }>;
  readonly times: Map<string, number>;
  ids: number;
}

/** Starts one on a free port. Requests must carry the key. */
export async function startFakeBatches(provider: Provider, key: string): Promise<FakeBatches> {
  const state: State = {
    provider,
    key,
    origin: '',
    batches: [],
    calls: [],
    files: new Map(),
    times: new Map(),
    hold: false,
    faults: [],
    fate: () => 'answered',
    answer: () => null,
    ids: 0,
  };
  const heard: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      state.calls.push(`${request.method} ${request.url}`);
      heard.push(bytes.toString());
      try {
        serve(state, request, bytes, response);
      } catch (error) {
        json(response, 500, { error: { message: String(error) } });
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    heard: () => heard.join('\n'),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function serve(state: State, request: IncomingMessage, bytes: Buffer, response: ServerResponse): void {
  const { headers, method } = request;
  const url = new URL(request.url ?? '/', state.origin);
  const path = url.pathname.replace(/^\/v1/, '');
  const given = state.provider === 'anthropic' ? headers['x-api-key'] : headers.authorization?.replace(/^Bearer /, '');
  if (given !== state.key) {
    json(response, 401, { error: { type: 'authentication_error', message: 'wrong key' } });
    return;
  }
  const [, first, second, third] = path.split('/');
  if (state.provider === 'anthropic') {
    if (headers['anthropic-version'] === undefined) json(response, 400, { error: { type: 'invalid_request_error', message: 'version' } });
    else anthropic(state, { method: method ?? '', id: third ?? null, last: path.split('/')[4] ?? null, bytes }, response);
    return;
  }
  if (first === 'files') files(state, { method: method ?? '', id: second ?? null, bytes, type: headers['content-type'] ?? '' }, response);
  else if (first === 'batches') openai(state, { method: method ?? '', id: second ?? null, last: third ?? null, bytes }, response);
  else mistral(state, { method: method ?? '', id: third ?? null, last: path.split('/')[4] ?? null, bytes }, response);
}

interface Asked {
  readonly method: string;
  readonly id: string | null;
  readonly last: string | null;
  readonly bytes: Buffer;
}

function files(
  state: State,
  { method, id, bytes, type }: { readonly method: string; readonly id: string | null; readonly bytes: Buffer; readonly type: string },
  response: ServerResponse,
): void {
  if (method === 'GET' && id !== null) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(state.files.get(id)?.bytes ?? '');
    return;
  }
  if (method === 'GET') {
    const data = [...state.files].map(([file, { name, bytes: held }]) => ({
      id: file,
      object: 'file',
      filename: name,
      bytes: held.length,
    }));
    json(response, 200, { object: 'list', data, total: data.length });
    return;
  }
  const boundary = /boundary=(.+)$/.exec(type)?.[1] ?? '';
  const text = bytes.toString();
  const name = /filename="([^"]+)"/.exec(text)?.[1] ?? '';
  const start = text.indexOf('\r\n\r\n', text.indexOf('filename=')) + 4;
  const content = Buffer.from(text.slice(start, text.lastIndexOf(`\r\n--${boundary}--`)));
  if (!text.includes('name="purpose"\r\n\r\nbatch')) throw new Error('no purpose');
  const made = keep(state, name, content);
  json(response, 200, { id: made, object: 'file', purpose: 'batch', filename: name, bytes: content.length });
}

function keep(state: State, name: string, bytes: Buffer): string {
  state.ids += 1;
  const id = `file-${state.ids}`;
  state.files.set(id, { name, bytes });
  return id;
}

/** Begins a batch as its faults say; null where the caller is answered otherwise. */
function begin(state: State, response: ServerResponse, made: Pick<FakeBatch, 'mark' | 'model' | 'requests'>): FakeBatch | null {
  const fault = state.faults.shift();
  if (fault === 'lost-request') {
    response.socket?.resetAndDestroy();
    return null;
  }
  if (fault === 'busy') {
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '1' });
    response.end(JSON.stringify({ error: { type: 'rate_limit_error', message: 'slow down' } }));
    return null;
  }
  if (fault === 'rejected') {
    json(response, 400, { error: { type: 'invalid_request_error', message: 'batches are not for this model' } });
    return null;
  }
  state.ids += 1;
  const batch: FakeBatch = {
    id: `batch-${state.ids}`,
    ...made,
    createdAt: Date.now(),
    fates: null,
    polls: 0,
    cancelled: false,
    crowded: fault === 'crowded',
  };
  state.batches.push(batch);
  if (fault !== 'lost-answer') return batch;
  response.socket?.resetAndDestroy();
  return null;
}

/** A batch ends at its second look. */
function look(state: State, batch: FakeBatch): void {
  batch.polls += 1;
  if (batch.fates !== null || batch.crowded || (!batch.cancelled && (state.hold || batch.polls < 2))) return;
  batch.fates = batch.requests.map(({ id, body }) => {
    if (batch.cancelled) return 'expired';
    const times = (state.times.get(id) ?? 0) + 1;
    state.times.set(id, times);
    return state.fate(textOf(body), times, batch.model ?? String(body.model));
  });
}

function textOf(body: Body): string {
  const messages = body.messages as readonly { readonly content: unknown }[];
  const content = messages.at(-1)?.content;
  if (typeof content === 'string') return content;
  return (content as readonly { readonly text?: string }[]).map(({ text }) => text ?? '').join('');
}

function answerOf(state: State, body: Body, model: string | null): object {
  const whole = model === null ? body : { ...body, model };
  const reply = state.provider === 'anthropic' ? messageReply(whole) : chatReply(whole);
  if (!('json' in reply.body)) throw new Error('a stream was asked for in a batch');
  const made = reply.body.json as Record<string, unknown>;
  const text = state.answer(textOf(body), String(whole.model));
  if (text === null) return made;
  if (state.provider === 'anthropic') return { ...made, content: [{ type: 'text', text }] };
  const [choice] = made.choices as readonly { readonly message: object }[];
  return { ...made, choices: [{ ...choice, message: { ...choice?.message, content: text } }] };
}

function openai(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { input_file_id: string; endpoint: string; metadata: Record<string, string> };
    const lines = linesOf<{ custom_id: string; url: string; method: string; body: Body }>(state, body.input_file_id);
    if (lines.some((line) => line.url !== body.endpoint || line.method !== 'POST')) throw new Error('a line for another endpoint');
    const requests = lines.map((line) => ({ id: line.custom_id, body: line.body }));
    const batch = begin(state, response, { mark: body.metadata.smallfirst_batch ?? null, model: null, requests });
    if (batch !== null) json(response, 200, openaiBatch(state, batch));
    return;
  }
  if (id === null) {
    const data = [...state.batches].reverse().map((batch) => openaiBatch(state, batch));
    json(response, 200, { object: 'list', data, has_more: false });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, openaiBatch(state, batch));
}

function openaiBatch(state: State, batch: FakeBatch): object {
  const { fates, requests, crowded, cancelled } = batch;
  const isExpired = fates?.some((fate) => fate === 'expired') ?? false;
  const status = crowded
    ? 'failed'
    : fates === null
      ? cancelled
        ? 'cancelling'
        : 'in_progress'
      : cancelled
        ? 'cancelled'
        : isExpired
          ? 'expired'
          : 'completed';
  const made = { id: batch.id, object: 'batch', endpoint: '/v1/chat/completions', status, metadata: { smallfirst_batch: batch.mark } };
  const errors = crowded
    ? { object: 'list', data: [{ code: 'token_limit_exceeded', message: 'Enqueued token limit reached', line: null }] }
    : null;
  if (fates === null) return { ...made, errors, request_counts: { total: requests.length, completed: 0, failed: 0 } };
  const { output, failed } = resultFiles(state, batch);
  const counts = {
    total: requests.length,
    completed: fates.filter((fate) => fate === 'answered').length,
    failed: fates.filter((fate) => fate !== 'answered').length,
  };
  return { ...made, output_file_id: output, error_file_id: failed, request_counts: counts };
}

/** Output and error file, each null where it would be empty; out of order, as providers write them. */
function resultFiles(state: State, batch: FakeBatch): { readonly output: string | null; readonly failed: string | null } {
  const output: string[] = [];
  const failed: string[] = [];
  for (const [i, { id, body }] of [...batch.requests.entries()].reverse()) {
    const fate = batch.fates?.[i] ?? 'expired';
    const line = { id: `batch_req_${i}`, custom_id: id };
    if (fate === 'answered')
      output.push(
        JSON.stringify({
          ...line,
          response: { status_code: 200, request_id: `r${i}`, body: answerOf(state, body, batch.model) },
          error: null,
        }),
      );
    else if (fate === 'expired')
      failed.push(
        JSON.stringify({
          ...line,
          response: null,
          error: { code: 'batch_expired', message: 'This request could not be executed before the completion window expired.' },
        }),
      );
    else {
      const [code, error] =
        fate === 'failed'
          ? [500, { type: 'server_error', message: 'we failed' }]
          : [400, { type: 'invalid_request_error', message: 'too odd to answer' }];
      failed.push(JSON.stringify({ ...line, response: { status_code: code, request_id: `r${i}`, body: { error } }, error: null }));
    }
  }
  const file = (name: string, lines: readonly string[]): string | null => {
    if (lines.length === 0) return null;
    const known = [...state.files].find(([, held]) => held.name === name);
    return known?.[0] ?? keep(state, name, Buffer.from(`${lines.join('\n')}\n`));
  };
  return { output: file(`${batch.id}-output`, output), failed: file(`${batch.id}-errors`, failed) };
}

function mistral(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { input_files: [string]; model: string; metadata: Record<string, string> };
    const lines = linesOf<{ custom_id: string; body: Body }>(state, body.input_files[0]);
    if (lines.some((line) => line.body.model !== undefined)) throw new Error('a line names the model');
    const requests = lines.map((line) => ({ id: line.custom_id, body: line.body }));
    const batch = begin(state, response, { mark: body.metadata.smallfirst_batch ?? null, model: body.model, requests });
    if (batch !== null) json(response, 200, mistralJob(state, batch));
    return;
  }
  if (id === null) {
    json(response, 200, { object: 'list', data: state.batches.map((batch) => mistralJob(state, batch)), total: state.batches.length });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, mistralJob(state, batch));
}

function mistralJob(state: State, batch: FakeBatch): object {
  const { fates, cancelled } = batch;
  const isExpired = fates?.some((fate) => fate === 'expired') ?? false;
  const status =
    fates === null
      ? cancelled
        ? 'CANCELLATION_REQUESTED'
        : 'RUNNING'
      : cancelled
        ? 'CANCELLED'
        : isExpired
          ? 'TIMEOUT_EXCEEDED'
          : 'SUCCESS';
  const made = { id: batch.id, object: 'batch', model: batch.model, status, errors: [], metadata: { smallfirst_batch: batch.mark } };
  if (fates === null) return { ...made, total_requests: batch.requests.length, completed_requests: 0, output_file: null, error_file: null };
  const { output, failed } = resultFiles(state, batch);
  return {
    ...made,
    total_requests: batch.requests.length,
    completed_requests: batch.requests.length,
    output_file: output,
    error_file: failed,
  };
}

function anthropic(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { requests: { custom_id: string; params: Body }[] };
    if (body.requests.some((one) => !/^[a-zA-Z0-9_-]{1,64}$/.test(one.custom_id))) throw new Error('a custom_id that is not allowed');
    const requests = body.requests.map((one) => ({ id: one.custom_id, body: one.params }));
    const batch = begin(state, response, { mark: null, model: null, requests });
    if (batch !== null) json(response, 200, messageBatch(state, batch));
    return;
  }
  if (id === null) {
    const data = [...state.batches].reverse().map((batch) => {
      // Time passes for those that are only listed, too.
      look(state, batch);
      return messageBatch(state, batch);
    });
    json(response, 200, { data, has_more: false, first_id: null, last_id: null });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'results') {
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    for (const [i, { id: customId, body }] of [...batch.requests.entries()].reverse()) {
      response.write(`${JSON.stringify({ custom_id: customId, result: messageResult(state, body, batch.fates?.[i] ?? 'expired') })}\n`);
    }
    response.end();
    return;
  }
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, messageBatch(state, batch));
}

function messageResult(state: State, body: Body, fate: Fate): object {
  if (fate === 'answered') return { type: 'succeeded', message: answerOf(state, body, null) };
  if (fate === 'expired') return { type: 'expired' };
  const error =
    fate === 'failed' ? { type: 'api_error', message: 'we failed' } : { type: 'invalid_request_error', message: 'too odd to answer' };
  return { type: 'errored', error: { type: 'error', error } };
}

function messageBatch(state: State, batch: FakeBatch): object {
  const { fates, requests, cancelled } = batch;
  const of = (...wanted: readonly Fate[]): number => fates?.filter((fate) => wanted.includes(fate)).length ?? 0;
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: fates === null ? (cancelled ? 'canceling' : 'in_progress') : 'ended',
    request_counts: {
      processing: fates === null ? requests.length : 0,
      succeeded: of('answered'),
      errored: of('failed', 'refused'),
      canceled: 0,
      expired: of('expired'),
    },
    created_at: new Date(batch.createdAt).toISOString(),
    results_url: fates === null ? null : `${state.origin}/v1/messages/batches/${batch.id}/results`,
  };
}

function linesOf<T>(state: State, file: string): readonly T[] {
  return (state.files.get(file)?.bytes.toString() ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
