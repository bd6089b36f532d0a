import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { systemClock } from '../../src/core/index.ts';
import {
  type AnswerHead,
  type AttemptReport,
  type Exchange,
  type UpstreamError,
  type UpstreamOptions,
  type UpstreamRequest,
  type UpstreamSettings,
  Upstreams,
} from '../../src/providers/upstream/index.ts';

/** Answers one request. */
export type Step = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An upstream that plays one step for each request; the last one again and again. */
export class ScriptedUpstream {
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  readonly closed: number[] = [];
  readonly server: Server;
  #arrived: (() => void)[] = [];

  constructor(steps: readonly Step[]) {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      const index = this.requests.length;
      this.requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: '' });
      response.on('close', () => {
        if (!response.writableFinished) this.closed.push(index);
        this.#tell();
      });
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const seen = this.requests[index];
        if (seen) seen.body = body;
        steps[Math.min(index, steps.length - 1)]?.(request, response, body);
        this.#tell();
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Waits until something holds, looking whenever something happened here. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  #tell(): void {
    for (const resolve of this.#arrived.splice(0)) resolve();
  }
}

/** What a sink was told. */
export interface Told {
  head: AnswerHead | null;
  body: string;
  error: UpstreamError | null;
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** Starts a scripted upstream on a free port; it is closed after the test. */
export async function serve(...steps: Step[]): Promise<ScriptedUpstream> {
  const upstream = new ScriptedUpstream(steps);
  await new Promise<void>((resolve) => upstream.server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () =>
      new Promise((resolve) => {
        upstream.server.closeAllConnections();
        upstream.server.close(() => resolve());
      }),
  });
  return upstream;
}

/** Attempts since the last call of `upstreams`. */
export const attempts: AttemptReport[] = [];

/** Models of OpenAI's kind over the real adapter, with waits of a millisecond. */
export function upstreams(
  models: readonly (Partial<UpstreamSettings> & { name: string })[],
  options: Partial<UpstreamOptions> = {},
): Upstreams {
  attempts.length = 0;
  const all = new Upstreams(
    { allowPrivate: true, backoff: { baseMs: 1, capMs: 2 }, ...options },
    { clock: systemClock, random: () => 0.5, environment: { OPENAI_API_KEY: 'customary' }, onAttempt: (report) => attempts.push(report) },
  );
  all.add(
    models.map((model) => ({
      provider: 'openai',
      model: `wire-${model.name}`,
      url: null,
      keys: [{ key: `key-${model.name}`, weight: 1 }],
      ...model,
    })),
  );
  open.push({ close: () => all.destroy() });
  return all;
}

/** A chat completion. */
export const asked: UpstreamRequest = {
  method: 'POST',
  query: '',
  signal: null,
  deadlineAt: null,
  clientRetry: false,
  write: (target) => ({
    path: '/v1/chat/completions',
    headers: ['Content-Type', 'application/json', 'Authorization', 'Bearer client-key'],
    body: Buffer.from(JSON.stringify({ model: target.model })),
  }),
};

/** Sends and waits for the end. `onHead` and `onData` see the exchange, to call it off or hold it back. */
export function send(
  all: Upstreams,
  name: string,
  request: Partial<UpstreamRequest> = {},
  hooks: { onHead?: (exchange: Exchange) => void; onData?: (exchange: Exchange) => boolean; onStart?: (exchange: Exchange) => void } = {},
): Promise<Told> {
  return new Promise((resolve) => {
    const told: Told = { head: null, body: '', error: null };
    let exchange: Exchange | null = null;
    exchange = all.get(name).send(
      { ...asked, ...request },
      {
        onHead: (head) => {
          told.head = head;
          if (exchange) hooks.onHead?.(exchange);
        },
        onData: (chunk) => {
          told.body += chunk.toString();
          return exchange ? (hooks.onData?.(exchange) ?? true) : true;
        },
        onEnd: () => resolve(told),
        onError: (error) => resolve({ ...told, error }),
      },
    );
    hooks.onStart?.(exchange);
  });
}

export const answer =
  (status: number, body: string, headers: Record<string, string> = {}): Step =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  };
export const ok = answer(200, '{"ok":true}');
export const reset: Step = (request) => request.socket.destroy();
export const silent: Step = () => undefined;
export const quota = '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}';
