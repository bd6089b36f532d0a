import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

/** A collector that keeps the spans it is sent as OTLP JSON. */
class Collector {
  readonly spans: OtlpSpan[] = [];
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const sent = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
      };
      for (const { scopeSpans } of sent.resourceSpans) for (const { spans } of scopeSpans) this.spans.push(...spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let upstream: FakeUpstream;
let collector: Collector;
let collecting: string;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  collector = new Collector();
  collecting = await collector.listen();
});
afterAll(async () => {
  collector.close();
  await upstream.close();
});
beforeEach(() => upstream.reset());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

async function served(parts: string): Promise<ServedGateway> {
  const config = `models:
  gpt: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: sk-upstream, price: { input: 1, output: 10 } }
passthrough: { openai: { url: ${upstream.origin}/v1, apiKey: sk-upstream } }
${parts}`;
  gateway = await serveHere({ config });
  return gateway;
}

async function ask(at: ServedGateway, body: object = {}, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${at.url}/v1/chat/completions?api_key=query-secret`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'a private prompt' }], ...body }),
  });
  await response.text();
  return response.headers.get('x-smallfirst-request-id') ?? '';
}

function attributesOf(span: OtlpSpan | undefined): Record<string, unknown> {
  return Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}

describe('traces', () => {
  it('tell a run of a pipeline as one trace, with a span for each step and its calls below it', async () => {
    const steps =
      '[{ step: draft, task: reply }, { step: polish, task: reply, input: "{{ draft.output }}" }, { step: never, task: reply, when: request.go == true }]';
    const at = await served(`tasks: { reply: { output: { kind: text }, ladder: [gpt] } }
pipelines: { support: { steps: ${steps} } }
otel: { url: "${collecting}" }`);
    const answer = await fetch(`${at.url}/v1/pipelines/support`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: PARENT },
      body: JSON.stringify({ input: { text: 'a private prompt' }, request: { go: false } }),
    });
    expect(answer.status).toBe(200);
    await at.stop();
    const named = (name: string) => collector.spans.filter((span) => span.name === name);
    const [server] = named('POST /v1/pipelines/support');
    const [draft] = named('step draft');
    const [polish] = named('step polish');
    expect([draft?.parentSpanId, polish?.parentSpanId]).toEqual([server?.spanId, server?.spanId]);
    expect(named('chat gpt').map(({ parentSpanId }) => parentSpanId)).toEqual([draft?.spanId, polish?.spanId]);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set(['4bf92f3577b34da6a3ce929d0e0e4736']));
    expect(attributesOf(polish)).toMatchObject({
      'smallfirst.pipeline': 'support',
      'smallfirst.step': 'polish',
      'smallfirst.decision': 'ceiling',
    });
    expect(named('step never')).toEqual([]);
    expect(JSON.stringify(collector.spans)).not.toContain('private prompt');
    collector.spans.length = 0;
  });

  it('continue the trace of the caller, name the call by the conventions for generative AI, and go on upstream', async () => {
    const at = await served(`otel: { url: "${collecting}" }`);
    await ask(at, {}, { traceparent: PARENT });
    await at.stop();
    const server = collector.spans.find(({ name }) => name === 'POST /v1/chat/completions');
    const client = collector.spans.find(({ name }) => name === 'chat gpt');
    expect(server).toMatchObject({ kind: 2, traceId: '4bf92f3577b34da6a3ce929d0e0e4736', parentSpanId: '00f067aa0ba902b7' });
    expect(client).toMatchObject({ kind: 3, traceId: server?.traceId, parentSpanId: server?.spanId });
    expect(attributesOf(server)).toMatchObject({ 'http.request.method': 'POST', 'http.response.status_code': 200 });
    expect(attributesOf(client)).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt',
      'gen_ai.usage.input_tokens': expect.any(Number),
      'gen_ai.usage.output_tokens': expect.any(Number),
      'gen_ai.response.finish_reasons': { values: [{ stringValue: 'stop' }] },
      'smallfirst.outcome': 'accepted',
    });
    expect(upstream.seen[0]?.headers.traceparent).toBe(`00-${server?.traceId}-${server?.spanId}-01`);
    expect(JSON.stringify(collector.spans)).not.toMatch(/private prompt|query-secret|sk-upstream/);
  });

  it('begin anew where the caller sends what is no trace, and leave out what the caller does not sample', async () => {
    collector.spans.length = 0;
    const at = await served(`otel: { url: "${collecting}" }`);
    await ask(at, {}, { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' });
    await ask(at, {}, { traceparent: PARENT.replace(/01$/, '00') });
    await at.stop();
    expect(collector.spans.filter(({ kind }) => kind === 2)).toHaveLength(1);
    expect(collector.spans[0]?.traceId).not.toBe('0'.repeat(32));
    expect(upstream.seen[1]?.headers.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/);
  });

  it("pass the caller's own context on where none are exported", async () => {
    await ask(await served(''), {}, { traceparent: PARENT, tracestate: 'a=1' });
    expect(upstream.seen[0]?.headers).toMatchObject({ traceparent: PARENT, tracestate: 'a=1' });
  });
});

describe('the log', () => {
  it('has one line for each request, without its body and its query', async () => {
    const at = await served('');
    const id = await ask(at);
    upstream.next({ kind: 'status', status: 400, body: '{"error":{"message":"no","type":"invalid_request_error"}}' });
    await ask(at, { model: 'made-up' });
    await fetch(`${at.url}/healthz`);
    await at.stop();
    const lines = at
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const requests = lines.filter(({ msg }) => msg === 'request');
    expect(requests).toHaveLength(2);
    expect(requests[0]).toEqual({
      level: 'info',
      time: expect.any(Number),
      id,
      route: '/v1/chat/completions',
      model: 'gpt',
      task: null,
      key: null,
      status: 200,
      ms: expect.any(Number),
      upstreamMs: expect.any(Number),
      inputTokens: expect.any(Number),
      outputTokens: expect.any(Number),
      costUsd: expect.any(Number),
      decision: null,
      error: null,
      msg: 'request',
    });
    expect(requests[1]).toMatchObject({ model: 'made-up', status: 400, error: 'UPSTREAM_REJECTED' });
    expect(at.output()).not.toMatch(/private prompt|query-secret/);
  });

  it('says nothing of a store that was not there yet when the gateway stops as soon as it serves', async () => {
    const config = 'models: { m: { provider: openai } }\ntasks: { t: { output: { kind: label, labels: [a, b] }, ladder: [m] } }\n';
    gateway = await serveHere({ config });
    expect([await gateway.stop(), gateway.output()]).toEqual([0, expect.not.stringMatching(/store|STORE|cannot be read/)]);
  });

  it('keeps failures and a share of the rest where it is sampled, and nothing where it is silent', async () => {
    const sampled = await served('log: { sample: 0 }');
    await ask(sampled);
    upstream.next({ kind: 'status', status: 400, body: '{"error":{"message":"no"}}' });
    await ask(sampled);
    await sampled.stop();
    expect(sampled.output().match(/"msg":"request"/g)).toHaveLength(1);
    await sampled.remove();
    const silent = await served('log: { level: silent }');
    await ask(silent, { model: 'unknown/"\\\u0000' });
    await silent.stop();
    expect(silent.output()).not.toContain('"msg"');
  });
});

describe('the metrics', () => {
  it('count requests, tokens and money, keep overhead apart from upstream time, and hold no name that a client made up', async () => {
    const at = await served('budgets: { teams: { care: { month: 7 } } }');
    await ask(at);
    await ask(at, { stream: true });
    await ask(at, { model: 'made-up-by-a-client' });
    const response = await fetch(`${at.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const value = (series: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')
          .at(-1),
      );
    expect(value('smallfirst_requests_total{protocol="openai-chat",model="gpt",task="",status="200"}')).toBe(2);
    expect(value('smallfirst_requests_total{protocol="openai-chat",model="other",task="",status="200"}')).toBe(1);
    expect(value('smallfirst_calls_total{model="gpt",task="",purpose="answer",outcome="accepted"}')).toBe(2);
    expect(value('smallfirst_unpriced_calls_total{model="other",task="",purpose="passthrough",outcome="accepted"}')).toBe(1);
    expect(value('smallfirst_cost_usd_total{model="gpt",task="",purpose="answer",outcome="accepted"}')).toBeGreaterThan(0);
    expect(value('smallfirst_upstream_seconds_count{model="gpt"}')).toBe(2);
    expect(value('smallfirst_first_byte_seconds_count{model="gpt"}')).toBe(1);
    expect(value('smallfirst_overhead_seconds_count{protocol="openai-chat"}')).toBe(3);
    expect(value('smallfirst_budget_left_usd{scope="team",name="care",window="month"}')).toBe(7);
    expect(value('smallfirst_breaker_open{model="gpt"}')).toBe(0);
    expect(value('smallfirst_requests_active')).toBe(1);
    expect(text).not.toContain('made-up');
  });
});
