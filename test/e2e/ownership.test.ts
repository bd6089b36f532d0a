import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: Server;
let config: string;
let gateway: ServedGateway;
const seen: string[] = [];

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const made = request.method === 'POST' ? `{"id":"file-${seen.length}abc","object":"file"}` : '{"id":"x"}';
      response.writeHead(200, { 'content-type': 'application/json' }).end(made);
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  config = `passthrough: { openai: { url: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1", apiKey: sk-account } }
keys:
  - { name: alice, key: alice-secret, passthrough: true }
  - { name: bob, key: bob-secret, passthrough: true }
  - { name: eve, key: eve-secret }
`;
  gateway = await serveHere({ config });
});
afterAll(async () => {
  await gateway?.remove();
  upstream?.closeAllConnections();
  upstream?.close();
});

async function ask(who: string, method: string, path: string, body?: string) {
  const headers = { authorization: `Bearer ${who}-secret`, 'content-type': 'application/json' };
  const answer = await fetch(gateway.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, json: (await answer.json()) as { id?: string; error?: { message: string } } };
}

describe('what is kept at an upstream', () => {
  it('belongs to the key that made it, also after a restart, and is nothing to others', async () => {
    const { status, json } = await ask('alice', 'POST', '/v1/files', '{"purpose":"batch"}');
    const id = json.id ?? '';
    expect([status, id]).toEqual([200, 'file-1abc']);
    expect((await ask('alice', 'GET', `/v1/files/${id}/content`)).status).toBe(200);
    expect(await ask('bob', 'GET', `/v1/files/${id}`)).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } });
    expect((await ask('bob', 'DELETE', `/v1/files/${id}`)).status).toBe(404);
    expect((await ask('bob', 'POST', '/v1/batches', `{"input_file_id":"${id}"}`)).status).toBe(404);
    expect((await ask('bob', 'GET', '/v1/files')).status).toBe(404);
    expect((await ask('alice', 'GET', '/v1/files/file-of-nobody')).status).toBe(404);
    expect((await ask('alice', 'POST', '/v1/batches', `{"input_file_id":"${id}"}`)).status).toBe(200);
    const { dataDir } = gateway;
    await gateway.stop();
    const next = await serveHere({ config, dataDir });
    const old = gateway;
    gateway = { ...next, remove: async () => void (await Promise.all([next.remove(), next.stop().then(() => old.remove())])) };
    expect((await ask('alice', 'GET', `/v1/files/${id}`)).status).toBe(200);
    expect((await ask('bob', 'GET', `/v1/files/${id}`)).status).toBe(404);
    // Only what was allowed reached the account, and always with its own credential.
    expect(seen).toEqual([
      'POST /v1/files Bearer sk-account',
      `GET /v1/files/${id}/content Bearer sk-account`,
      'POST /v1/batches Bearer sk-account',
      `GET /v1/files/${id} Bearer sk-account`,
    ]);
  });

  it('is out of reach for a key that may not pass through', async () => {
    expect((await ask('eve', 'POST', '/v1/files', '{}')).status).toBe(404);
    expect((await ask('eve', 'POST', '/v1/chat/completions', '{"model":"gpt"}')).status).toBe(404);
    expect((await ask('nobody', 'GET', '/v1/files')).status).toBe(401);
  });
});

describe('an endpoint that generates something', () => {
  it('is in the bill as an unpriced call, and one that only manages things is not', async () => {
    const { dataDir } = gateway;
    await ask('alice', 'POST', '/v1/images/generations', '{"prompt":"a cat"}');
    await ask('alice', 'POST', '/v1/files', '{}');
    await gateway.stop();
    const bill = JSON.parse(await runCommand(['bill', '--data', dataDir, '--by', 'model,key', '--json'])) as { rows: unknown };
    expect(bill.rows).toMatchObject([{ model: 'images/generations', key: 'alice', calls: 1, unpricedCalls: 1 }]);
  });
});
