import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { runCommand, type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: FakeUpstream;
let gateway: ServedGateway;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream?.close());
beforeEach(() => upstream.reset());
afterEach(() => gateway?.remove());

const models = () => `models:
  gpt: { provider: openai, model: g, url: "${upstream.origin}/v1", apiKey: sk-00000000, price: { input: 1, output: 2 } }
  claude: { provider: anthropic, model: c, url: "${upstream.origin}", apiKey: sk-00000000, price: { input: 1, output: 2 } }
`;
const messages = [{ role: 'user', content: 'How many tokens is this?' }];

async function ask(method: string, path: string, body?: object | string, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  await answer.text();
  return answer.status;
}

async function booked() {
  await gateway.stop();
  const calls = await recordedCalls(gateway.dataDir);
  return [...calls].reverse().map(({ model, purpose, outcome, cost, priceId }) => [model, purpose, outcome, cost, priceId]);
}

describe('every request that is answered for a client', () => {
  it('is one call of the bill, whatever it asked for', async () => {
    gateway = await serveHere({ config: models() });
    const asked: readonly (readonly [string, string, (object | string)?])[] = [
      ['POST', '/v1/chat/completions', { model: 'gpt', messages }],
      ['POST', '/v1/messages', { model: 'claude', max_tokens: 9, messages }],
      ['POST', '/v1/messages', { model: 'gpt', max_tokens: 9, messages }],
      ['POST', '/v1/embeddings', { model: 'gpt', input: 'x' }],
      ['POST', '/v1/messages/count_tokens', { model: 'claude', messages }],
      ['POST', '/v1/messages/count_tokens', { model: 'gpt', messages }],
      ['POST', '/v1/moderations', { input: 'x' }],
      ['POST', '/v1/images/generations', { prompt: 'a cat' }],
      ['POST', '/v1/files', 'bytes'],
      ['GET', '/v1/files'],
      ['GET', '/v1/files/file-abc123/content'],
      ['DELETE', '/v1/files/file-abc123'],
      ['POST', '/v1/batches', { input_file_id: 'file-abc123' }],
      ['POST', '/v1/batches/batch_abc123/cancel'],
      ['POST', '/v1/fine_tuning/jobs', { training_file: 'file-abc123' }],
      ['GET', '/v1/messages/batches'],
    ];
    for (const [method, path, body] of asked) expect([path, await ask(method, path, body)]).toEqual([path, 200]);
    // What is refused before anything is asked is no call, nor is what we tell of ourselves.
    expect(await ask('POST', '/v1/chat/completions', { model: 'nope', messages })).toBe(404);
    expect(await ask('GET', '/v1/models')).toBe(200);
    const { dataDir } = gateway;
    const rows = await booked();
    const bill = JSON.parse(await runCommand(['bill', '--data', dataDir, '--json'])) as { calls: number; unpricedCalls: number };
    expect([rows.length, bill.calls, bill.unpricedCalls]).toEqual([asked.length, asked.length, 3]);
    const free = (model: string, name: string, provider = 'openai') => [model, 'passthrough', 'accepted', 0, `free:${provider}:${name}@`];
    expect(rows.slice(4)).toEqual([
      free('claude', 'messages/count_tokens', 'anthropic'),
      free('gpt', 'messages/count_tokens', 'smallfirst'),
      free('moderations', 'moderations'),
      ['images/generations', 'passthrough', 'accepted', null, null],
      free('files', 'files'),
      free('files', 'files'),
      free('files/content', 'files/content'),
      free('files', 'files'),
      ['batches', 'passthrough', 'accepted', null, null],
      free('batches/cancel', 'batches/cancel'),
      ['fine_tuning/jobs', 'passthrough', 'accepted', null, null],
      free('messages/batches', 'messages/batches', 'anthropic'),
    ]);
  });

  it('is booked as failed where the upstream fails, and as nothing more than that', async () => {
    gateway = await serveHere({ config: models() });
    upstream.always({ kind: 'status', status: 400, body: '{"error":{"message":"no"}}' });
    for (const path of ['/v1/messages/count_tokens', '/v1/images/generations', '/v1/files']) {
      expect(await ask('POST', path, { model: 'claude', messages })).toBe(400);
    }
    const rows = await booked();
    expect(rows.map(([model, , outcome, cost]) => [model, outcome, cost])).toEqual([
      ['claude', 'failed', 0],
      ['images/generations', 'failed', 0],
      ['files', 'failed', 0],
    ]);
  });
});

describe('a key with a budget', () => {
  it('may use endpoints that cost nothing, and none whose cost nobody knows', async () => {
    gateway = await serveHere({
      config: `${models()}
keys:
  - { name: month, key: key-of-month, passthrough: true, budget: { month: 10 } }
  - { name: team, key: key-of-team, passthrough: true, team: few }
  - { name: cap, key: key-of-cap, passthrough: true, caps: { costUsd: 1 } }
  - { name: free, key: key-of-free, passthrough: true }
budgets: { teams: { few: { day: 1 } } }
`,
    });
    const paths = ['/v1/files', '/v1/moderations', '/v1/images/generations', '/v1/batches', '/v1/responses/compact'];
    const statuses = async (who: string) => {
      const headers = { authorization: `Bearer key-of-${who}` };
      const seen = [await ask('GET', '/v1/files', undefined, headers)];
      for (const path of paths) seen.push(await ask('POST', path, {}, headers));
      return seen;
    };
    const before = upstream.seen.length;
    for (const who of ['month', 'team', 'cap']) expect(await statuses(who)).toEqual([404, 200, 200, 400, 400, 400]);
    expect(upstream.seen.length - before).toBe(9);
    expect((await statuses('free')).slice(1)).toEqual([200, 200, 200, 200, 200]);
  });
});
