import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allOf } from '../support/both-ways.ts';
import { OpenAiClient } from '../support/openai-sdk.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

/** An account that keeps what it is sent, under ids of its own, and lists it in pages, the newest first. */
interface Account {
  readonly server: Server;
  readonly url: string;
  /** Requests, with the credential that they came with. */
  readonly seen: string[];
  readonly kept: { readonly id: string; readonly kind: string }[];
  /** What a list is answered with in place of a page. */
  instead: { readonly status: number; readonly body: string } | null;
}

async function openAccount(name: string): Promise<Account> {
  const kept: Account['kept'] = [];
  const seen: string[] = [];
  const account = { kept, seen, instead: null as Account['instead'] };
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? String(request.headers['x-api-key'])}`);
      const told = request.method === 'GET' ? account.instead : null;
      const { status, body } = told ?? { status: 200, body: JSON.stringify(answerOf(name, kept, request)) };
      response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req-1' }).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(account, { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const PREFIX: Readonly<Record<string, string>> = { files: 'file-', batches: 'batch_', responses: 'resp_', completions: 'chatcmpl-' };

function answerOf(name: string, kept: Account['kept'], { method, url = '' }: IncomingMessage): object {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const isAnthropic = pathname.startsWith('/v1/messages/');
  const kind = pathname.split('/').at(-1) ?? '';
  if (method === 'POST') {
    const made = {
      id: `${isAnthropic ? 'msgbatch_' : (PREFIX[kind] ?? 'thing-')}${name}${kept.length + 1001}`,
      kind: isAnthropic ? 'msgbatch' : kind,
    };
    kept.unshift(made);
    return { ...made, object: kind, output: [], choices: [], status: 'completed', usage: { input_tokens: 3, output_tokens: 1 } };
  }
  const all = kept.filter((one) => one.kind === (isAnthropic ? 'msgbatch' : kind));
  if (!['files', 'batches', 'completions'].includes(kind)) return { id: kind, output_file_id: `file-result-of-${kind}` };
  const after = searchParams.get(isAnthropic ? 'after_id' : 'after');
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const data = all.slice(from, from + Number(searchParams.get('limit') ?? '2'));
  const edges = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  return { object: 'list', data, ...edges, has_more: from + data.length < all.length };
}

let first: Account;
let second: Account;
let gateway: ServedGateway;
const KEYS = `keys:
  - { name: alice, key: alice-secret, passthrough: true }
  - { name: bob, key: bob-secret, passthrough: true }
  - { name: eve, key: eve-secret }
`;
const through = () => `passthrough:
  openai: { url: "${first.url}/v1", apiKey: sk-account }
  anthropic: { url: "${second.url}", apiKey: sk-other }
${KEYS}`;

beforeAll(async () => {
  first = await openAccount('a');
  second = await openAccount('b');
});
afterAll(() => {
  for (const { server } of [first, second]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  for (const account of [first, second]) {
    account.instead = null;
    account.kept.length = 0;
    account.seen.length = 0;
  }
});
afterEach(async () => {
  await gateway?.remove();
});

async function ask(who: string, method: string, path: string, body?: string | object, headers: Record<string, string> = {}) {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${who}-secret`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: JSON.parse(text === '' ? '{}' : text) as Record<string, unknown> };
}

const make = async (who: string, path: string, body: object = {}) => String((await ask(who, 'POST', path, body)).json.id);

describe('what is kept at an upstream', () => {
  it('belongs to the key that made it, also after a restart, and is nothing to others', async () => {
    gateway = await serveHere({ config: through() });
    const id = await make('alice', '/v1/files', { purpose: 'batch' });
    expect(id).toBe('file-a1001');
    expect((await ask('alice', 'GET', `/v1/files/${id}/content`)).status).toBe(200);
    expect(await ask('bob', 'GET', `/v1/files/${id}`)).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } });
    expect((await ask('bob', 'DELETE', `/v1/files/${id}`)).status).toBe(404);
    expect((await ask('bob', 'POST', '/v1/batches', { input_file_id: id })).status).toBe(404);
    expect((await ask('alice', 'GET', '/v1/files/file-of-nobody')).status).toBe(404);
    expect((await ask('alice', 'POST', '/v1/batches', { input_file_id: id })).status).toBe(200);
    const { dataDir } = gateway;
    await gateway.stop();
    const old = gateway;
    const next = await serveHere({ config: through(), dataDir });
    gateway = { ...next, remove: async () => void (await Promise.all([next.remove(), next.stop().then(() => old.remove())])) };
    expect((await ask('alice', 'GET', `/v1/files/${id}`)).status).toBe(200);
    expect((await ask('bob', 'GET', `/v1/files/${id}`)).status).toBe(404);
    // Only what was allowed reached the account, and always with its own credential.
    expect(first.seen).toEqual([
      'POST /v1/files Bearer sk-account',
      `GET /v1/files/${id}/content Bearer sk-account`,
      'POST /v1/batches Bearer sk-account',
      `GET /v1/files/${id} Bearer sk-account`,
    ]);
  });

  it('is out of reach for a key that may not pass through', async () => {
    gateway = await serveHere({ config: through() });
    expect((await ask('eve', 'POST', '/v1/files', {})).status).toBe(404);
    expect((await ask('eve', 'GET', '/v1/files')).status).toBe(404);
    expect((await ask('eve', 'POST', '/v1/chat/completions', { model: 'gpt' })).status).toBe(404);
    expect((await ask('nobody', 'GET', '/v1/files')).status).toBe(401);
    expect(first.seen).toEqual([]);
  });

  it('is reached by no other way of spelling its name', async () => {
    gateway = await serveHere({ config: through() });
    const file = await make('alice', '/v1/files');
    const batch = await make('alice', '/v1/batches');
    const answer = await make('alice', '/v1/responses', { model: 'x', input: 'hi' });
    const made = first.seen.length;
    const escaped = (id: string) => `\\u00${id.charCodeAt(0).toString(16)}${id.slice(1)}`;
    const asked = await Promise.all([
      ask('bob', 'POST', `/v1/batches/${batch.replace('_', '%5F')}/cancel`),
      ask('bob', 'POST', `/v1/batches/${batch}/cancel`),
      ask('bob', 'GET', `/v1/files/${file.replace('-', '%2D')}`),
      ask('bob', 'GET', `/v1/files/${file}/`),
      ask('bob', 'GET', `/files/${file}`),
      ask('bob', 'GET', `/v1/batches?after=${batch}`),
      ask('bob', 'GET', `/v1/models?x=${file}`),
      ask('bob', 'GET', `/v1/chat/completions/${answer.replace('resp_', 'chatcmpl-')}`),
      ask('bob', 'POST', '/v1/batches', `{"input_file_id":"${escaped(file)}"}`),
      ask('bob', 'POST', '/v1/batches', { input_file_id: file }, { 'content-type': 'text/plain' }),
      ask('bob', 'POST', '/v1/responses', { model: 'x', input: 'hi', previous_response_id: answer }),
      ask('bob', 'POST', '/v1/responses', `{"model":"x","input":"hi","previous_response_id":"${escaped(answer)}"}`),
      ask('bob', 'DELETE', '/v1/files'),
      ask('bob', 'GET', '/v1/organization/usage/completions'),
      ask('bob', 'POST', '/v1/organization/admin_api_keys', {}),
    ]);
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 404));
    expect(first.seen.length).toBe(made);
    // To speak of it is no crime.
    expect((await ask('bob', 'POST', '/v1/responses', { model: 'x', input: `What is ${file}?` })).status).toBe(200);
  });

  it('includes what the upstream made of it, and answers that a client asked it to keep', async () => {
    gateway = await serveHere({ config: through() });
    const batch = await make('alice', '/v1/batches');
    const result = `file-result-of-${batch}`;
    expect((await ask('alice', 'GET', `/v1/files/${result}/content`)).status).toBe(404);
    expect((await ask('alice', 'GET', `/v1/batches/${batch}`)).json.output_file_id).toBe(result);
    expect((await ask('alice', 'GET', `/v1/files/${result}/content`)).status).toBe(200);
    expect((await ask('bob', 'GET', `/v1/files/${result}/content`)).status).toBe(404);
    const messages = [{ role: 'user', content: 'hi' }];
    const kept = await make('alice', '/v1/chat/completions', { model: 'x', store: true, messages });
    const lost = await make('alice', '/v1/chat/completions', { model: 'x', messages });
    const unkept = await make('alice', '/v1/responses', { model: 'x', input: 'hi', store: false });
    const path = '/v1/chat/completions';
    const found = await Promise.all([`${path}/${kept}`, `${path}/${lost}`, `/v1/responses/${unkept}`].map((at) => ask('alice', 'GET', at)));
    expect(found.map(({ status }) => status)).toEqual([200, 404, 404]);
    expect((await ask('bob', 'GET', `${path}/${kept}`)).status).toBe(404);
  });

  it('is asked for where it is kept: at the upstream of the model that made it', async () => {
    gateway = await serveHere({
      config: `models:
  one: { provider: openai, model: m1, url: "${first.url}/v1", apiKey: sk-one }
  two: { provider: openai, model: m2, url: "${second.url}/v1", apiKey: sk-two }
${KEYS}`,
    });
    const ids = [
      await make('alice', '/v1/responses', { model: 'one', input: 'hi' }),
      await make('alice', '/v1/responses', { model: 'two', input: 'hi' }),
    ];
    for (const id of ids) expect((await ask('alice', 'GET', `/v1/responses/${id}`)).status).toBe(200);
    expect((await ask('bob', 'GET', `/v1/responses/${ids[1]}`)).status).toBe(404);
    expect([first.seen.at(-1), second.seen.at(-1)]).toEqual([
      `GET /v1/responses/${ids[0]} Bearer sk-one`,
      `GET /v1/responses/${ids[1]} Bearer sk-two`,
    ]);
    // Nobody knows where a new file should go.
    expect((await ask('alice', 'POST', '/v1/files', {})).status).toBe(404);
  });
});

describe('a list of everything that an account keeps', () => {
  it('shows a key what it made, page by page, whatever lies between', async () => {
    gateway = await serveHere({ config: through() });
    const mine: string[] = [];
    for (let i = 0; i < 9; i += 1) {
      const id = await make(i % 4 === 0 ? 'alice' : 'bob', '/v1/files');
      if (i % 4 === 0) mine.unshift(id);
    }
    expect((await ask('alice', 'GET', '/v1/files?limit=1')).json).toEqual({
      object: 'list',
      data: [{ id: mine[0], kind: 'files' }],
      first_id: mine[0],
      last_id: mine[0],
      has_more: true,
    });
    const client = new OpenAiClient({ baseURL: `${gateway.url}/v1`, apiKey: 'alice-secret', maxRetries: 0 });
    expect((await allOf(client.files.list({ limit: 1 }))).map(({ id }) => id)).toEqual(mine);
    expect((await allOf(client.files.list())).map(({ id }) => id)).toEqual(mine);
    expect((await ask('bob', 'GET', '/v1/batches')).json).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    expect((await allOf(client.batches.list())).length).toBe(0);
  });

  it("does so in Anthropic's words", async () => {
    gateway = await serveHere({ config: through() });
    const anthropic = (who: string) => new Anthropic({ baseURL: gateway.url, apiKey: `${who}-secret`, maxRetries: 0 });
    const mine: string[] = [];
    for (const who of ['alice', 'bob', 'bob', 'bob', 'alice', 'bob', 'bob']) {
      const { id } = await anthropic(who).messages.batches.create({ requests: [] });
      if (who === 'alice') mine.unshift(id);
    }
    expect((await allOf(anthropic('alice').messages.batches.list({ limit: 1 }))).map(({ id }) => id)).toEqual(mine);
    expect(second.seen.every((line) => line.endsWith('sk-other'))).toBe(true);
  });

  it('is 404 where it cannot be told apart, and tells the words of an upstream that refuses', async () => {
    gateway = await serveHere({ config: through() });
    await make('alice', '/v1/files');
    for (const text of ['[]', '{"files":["file-a1001"]}', '{"data":["file-a1001"]}', '<html>', '{"data":{"id":"file-a1001"}}']) {
      first.instead = { status: 200, body: text };
      expect(await ask('alice', 'GET', '/v1/files')).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } });
    }
    expect((await ask('alice', 'GET', '/v1/threads')).status).toBe(404);
    first.instead = { status: 400, body: '{"error":{"message":"limit is too high","code":"bad"}}' };
    expect(await ask('alice', 'GET', '/v1/files')).toEqual({ status: 400, json: { error: { message: 'limit is too high', code: 'bad' } } });
    first.instead = { status: 401, body: '{"error":{"message":"Incorrect API key sk-account"}}' };
    const refused = await ask('alice', 'GET', '/v1/files');
    expect([refused.status, JSON.stringify(refused.json)]).toEqual([401, expect.not.stringContaining('sk-account')]);
  });

  it('is the whole list where nobody is told apart', async () => {
    gateway = await serveHere({ config: `passthrough: { openai: { url: "${first.url}/v1", apiKey: sk-account } }` });
    const id = await make('anybody', '/v1/files');
    first.kept.push({ id: 'file-of-others', kind: 'files' });
    expect((await ask('anybody', 'GET', '/v1/files')).json.data).toEqual([
      { id, kind: 'files' },
      { id: 'file-of-others', kind: 'files' },
    ]);
  });
});
