import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endpoints } from '../../src/gateway/admin/endpoints.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { sendRaw } from '../support/raw-http.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

const ADMIN = 'an-admin-token-that-is-long';
const UPSTREAM_KEY = 'sk-upstream-0123456789abcdef';
let upstream: FakeUpstream;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream({ key: UPSTREAM_KEY });
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

async function served(parts = ''): Promise<ServedGateway> {
  const config = `models:
  gpt: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: "\${UPSTREAM_KEY}", price: { input: 1, output: 10 } }
tasks: { classify: { output: { kind: text }, ladder: [gpt] } }
passthrough: { openai: { url: ${upstream.origin}/v1, apiKey: "\${UPSTREAM_KEY}" } }
${parts}`;
  gateway = await serveHere({ config, env: { UPSTREAM_KEY, ADMIN } });
  return gateway;
}

const GUARDED = `admin: { token: "\${ADMIN}" }\n`;

async function call(
  at: ServedGateway,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(at.url + path, {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

function chat(at: ServedGateway, key: string, body: object = {}): Promise<Response> {
  return fetch(`${at.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
}

describe('the admin API', () => {
  it('creates a key that works at once, shows it once, limits it, and revokes it', async () => {
    const at = await served(GUARDED);
    const created = await call(at, 'POST', '/admin/keys', { name: 'app', team: 'care', budget: { day: 1 }, caps: { outputTokens: 10 } });
    expect(created.status).toBe(201);
    const { key, ...shown } = created.json;
    expect(endpoints.createKey.answer.parse(created.json)).toEqual(created.json);
    expect(shown).toMatchObject({ name: 'app', team: 'care', budget: { day: 1, month: null }, source: 'admin', status: 'active' });
    expect((await chat(at, String(key))).status).toBe(200);
    expect((await chat(at, String(key), { max_tokens: 11 })).status).toBe(400);
    const refused = await chat(at, 'not-the-key');
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([401, 'false']);
    expect(await refused.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
    const { json } = await call(at, 'GET', '/admin/keys');
    expect(json).toEqual({ keys: [shown] });
    expect((await call(at, 'GET', '/admin/budgets')).json).toMatchObject({ budgets: [{ scope: 'key', name: 'app', limitUsd: 1 }] });
    expect((await call(at, 'DELETE', '/admin/keys/app')).json).toMatchObject({ status: 'revoked' });
    expect((await chat(at, String(key))).status).toBe(401);
  });

  it('says what is wrong with what it is sent, without quoting it', async () => {
    const at = await served(GUARDED);
    const wrong = await call(at, 'POST', '/admin/keys', { name: 'x', budget: { day: 'sk-secret' }, foo: 1 });
    expect(wrong.status).toBe(400);
    expect(wrong.json).toMatchObject({ error: { code: 'REQUEST_INVALID', message: expect.stringContaining('body.budget.day') } });
    expect(JSON.stringify(wrong.json)).not.toContain('sk-secret');
    expect((await call(at, 'DELETE', '/admin/keys/nobody')).status).toBe(404);
    expect((await call(at, 'GET', '/admin/nothing')).status).toBe(404);
    await (await chat(at, 'anybody')).text();
    await expect
      .poll(async () => (await call(at, 'GET', '/admin/requests/nothing')).json)
      .toMatchObject({ error: { code: 'INPUT_NOT_FOUND' } });
    expect((await call(at, 'GET', '/admin/calls?limit=0')).status).toBe(400);
    expect((await call(at, 'POST', '/admin/keys', { name: 'x'.repeat(100_000) })).status).toBe(413);
  });

  it('answers every question as its schema says', async () => {
    const at = await served(GUARDED);
    await (await chat(at, 'anybody')).text();
    await (await chat(at, 'anybody', { model: 'other' })).text();
    await expect.poll(async () => ((await call(at, 'GET', '/admin/calls')).json.calls as unknown[]).length).toBe(2);
    const [{ id }] = (await call(at, 'GET', '/admin/calls?limit=1')).json.calls as [{ id: string }];
    const paths = {
      request: `/admin/requests/${id}`,
      status: '/admin/status',
      listKeys: '/admin/keys',
      budgets: '/admin/budgets',
      tasks: '/admin/tasks',
      task: '/admin/tasks/classify',
      calls: '/admin/calls?limit=1&model=gpt',
      bill: '/admin/bill?by=model,key',
    } as const;
    for (const [name, path] of Object.entries(paths) as [keyof typeof paths, string][]) {
      const { status, json } = await call(at, 'GET', path);
      expect([name, status]).toEqual([name, 200]);
      expect(endpoints[name].answer.parse(json)).toEqual(json);
    }
    const bill = await call(at, 'GET', paths.bill);
    expect(bill.json).toMatchObject({
      rows: [
        { dimensions: { model: 'gpt' }, calls: 1 },
        { dimensions: { model: 'other' }, unpricedCalls: 1 },
      ],
      total: { calls: 2 },
    });
    const document = await call(at, 'GET', '/openapi.json');
    expect(Object.keys(document.json.paths as object)).toEqual([...new Set(Object.values(endpoints).map(({ path }) => path))]);
  });

  it('answers at once after the very first start: what is not there yet is empty', async () => {
    const at = await served(GUARDED);
    const [tasks, task, calls, bill] = await Promise.all(
      ['/admin/tasks', '/admin/tasks/classify', '/admin/calls', '/admin/bill'].map((path) => call(at, 'GET', path)),
    );
    expect(tasks).toMatchObject({ status: 200, json: { tasks: [{ task: 'classify', isDeclared: true, calls: 0 }] } });
    expect(task).toMatchObject({ status: 200, json: { task: 'classify', models: [], events: [] } });
    expect(calls).toEqual({ status: 200, json: { calls: [], next: null } });
    expect(bill).toMatchObject({ status: 200, json: { rows: [], total: { calls: 0, costUsd: 0 } } });
  });

  it('pages through calls', async () => {
    const at = await served(GUARDED);
    for (let i = 0; i < 3; i += 1) await (await chat(at, 'anybody')).text();
    await expect.poll(async () => ((await call(at, 'GET', '/admin/calls')).json.calls as unknown[]).length).toBe(3);
    const first = (await call(at, 'GET', '/admin/calls?limit=2')).json as { calls: { id: string }[]; next: string };
    const second = (await call(at, 'GET', `/admin/calls?limit=2&before=${first.next}`)).json as { calls: { id: string }[]; next: null };
    expect(new Set([...first.calls, ...second.calls].map(({ id }) => id)).size).toBe(3);
    expect(second.next).toBeNull();
  });

  it('needs its token, and never tells a browser of another origin that it may look', async () => {
    const at = await served(GUARDED);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${ADMIN}` }, { 'x-api-key': ADMIN }]) {
      for (const path of ['/admin/keys', '/admin/status', '/openapi.json']) {
        expect((await fetch(at.url + path, { headers })).status).toBe(401);
      }
    }
    const preflight = await fetch(`${at.url}/admin/keys`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect(preflight.status).toBe(401);
    const allowed = await fetch(`${at.url}/admin/keys`, { headers: { authorization: `Bearer ${ADMIN}`, origin: 'https://evil.example' } });
    expect([...allowed.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('without a token is for callers on this machine that nobody speaks for', async () => {
    const at = await served();
    expect((await fetch(`${at.url}/admin/status`)).status).toBe(200);
    expect((await fetch(`${at.url}/metrics`)).status).toBe(200);
    for (const headers of [{ origin: 'https://evil.example' }, { 'x-forwarded-for': '10.0.0.1' }, { forwarded: 'for=10.0.0.1' }] as Record<
      string,
      string
    >[]) {
      expect((await fetch(`${at.url}/admin/status`, { headers })).status).toBe(403);
      expect((await fetch(`${at.url}/metrics`, { headers })).status).toBe(403);
    }
    const rebound = await sendRaw(at.url, 'GET /admin/keys HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(rebound.status).toBe(403);
  });
});

describe('after a run', () => {
  it('no key is found in any log, file or database', async () => {
    const at = await served(`${GUARDED}keys: [{ name: app, key: sk-clients-own-0123456789 }]\n`);
    const { json } = await call(at, 'POST', '/admin/keys', { name: 'made' });
    const made = String(json.key);
    const secrets = [UPSTREAM_KEY, ADMIN, 'sk-clients-own-0123456789', made, 'sk-wrong-guess-0123456789'];
    await (await chat(at, 'sk-clients-own-0123456789')).text();
    await (await chat(at, made)).text();
    await (await chat(at, 'sk-wrong-guess-0123456789')).text();
    await (await chat(at, made, { model: 'sk-wrong-guess-0123456789' })).text();
    upstream.next({ kind: 'status', status: 401, body: `{"error":{"message":"Incorrect API key provided: ${UPSTREAM_KEY}"}}` });
    await (await chat(at, made)).text();
    upstream.next({ kind: 'reset' }, { kind: 'reset' }, { kind: 'reset' });
    await (await chat(at, made)).text();
    await (await fetch(`${at.url}/v1/files?api_key=${made}&key=sk-wrong-guess-0123456789`, { headers: { 'x-api-key': made } })).text();
    await (await fetch(`${at.url}/v1/files/${made}`, { headers: { 'x-api-key': made } })).text();
    const metrics = await (await fetch(`${at.url}/metrics`)).text();
    await at.stop();
    const texts = [
      ['output', at.output()],
      ['metrics', metrics],
    ];
    for (const entry of await readdir(at.dataDir, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) texts.push([entry.name, await readFile(join(entry.parentPath, entry.name), 'latin1')]);
    }
    expect(texts.map(([name]) => name)).toEqual(expect.arrayContaining(['output', 'keys.json', 'smallfirst.db']));
    expect(at.output()).toContain('"msg":"request"');
    for (const [name, text] of texts) for (const secret of secrets) expect([name, text?.includes(secret)]).toEqual([name, false]);
  });
});
