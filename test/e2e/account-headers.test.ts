import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServedGateway, serveHere } from '../support/serve.ts';

/** What vendors say of the account that a key belongs to, as headers. */
const ACCOUNT = {
  'openai-organization': 'acme-inc',
  'openai-project': 'proj_123abc',
  'anthropic-organization-id': '0a1b2c3d-0000-4000-8000-000000000001',
  'anthropic-workspace-id': 'wrkspc_01',
  'x-account-id': 'acct_1',
  'set-cookie': '__cf_bm=secret; path=/',
};
const REST = {
  'x-request-id': 'req_1',
  'openai-processing-ms': '7',
  'x-ratelimit-remaining-requests': '99',
  'openai-version': '2020-10-01',
};

let upstream: Server;
let gateway: ServedGateway;
let status = 200;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    request.resume().on('end', () => {
      const isList = request.method === 'GET';
      const body =
        status === 200
          ? JSON.stringify(isList ? { object: 'list', data: [], has_more: false } : { id: 'x', model: 'm', choices: [], content: [] })
          : '<html>';
      response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'text/html', ...ACCOUNT, ...REST }).end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await serveHere({
    config: `models:
  ours: { provider: openai, model: m, url: "${origin}/v1", apiKey: sk-of-the-config, retries: 0 }
  claude: { provider: anthropic, model: c, url: "${origin}", apiKey: sk-of-the-config, retries: 0 }
passthrough:
  openai: { url: "${origin}/v1" }
  anthropic: { url: "${origin}", apiKey: sk-of-the-config }
`,
  });
});
afterAll(async () => {
  await gateway?.remove();
  upstream.closeAllConnections();
  upstream.close();
});

async function seen(path: string, body: object | null) {
  const answer = await fetch(gateway.url + path, {
    method: body === null ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-of-the-client' },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
  await answer.text();
  const names = (headers: object) => Object.keys(headers).filter((name) => answer.headers.has(name));
  return { status: answer.status, account: names(ACCOUNT), rest: names(REST) };
}

describe('headers that name the account of a key', () => {
  it('stay here where the key is the config’s, in answers and in errors, and everything else goes on', async () => {
    for (const answered of [200, 404]) {
      status = answered;
      for (const [path, body] of [
        ['/v1/chat/completions', { model: 'ours', messages: [] }],
        ['/v1/messages', { model: 'claude', messages: [] }],
        ['/v1/messages', { model: 'claude-not-named', messages: [] }],
        ['/v1/messages/batches', null],
      ] as const) {
        expect([path, await seen(path, body)]).toEqual([path, { status: answered, account: [], rest: Object.keys(REST) }]);
      }
    }
  });

  it('go on where the credential is the client’s own: they are its own account’s. Cookies never do', async () => {
    status = 200;
    const own = Object.keys(ACCOUNT).filter((name) => name !== 'set-cookie');
    for (const [path, body] of [
      ['/v1/chat/completions', { model: 'not-named', messages: [] }],
      ['/v1/files', null],
    ] as const) {
      expect(await seen(path, body)).toEqual({ status: 200, account: own, rest: Object.keys(REST) });
    }
  });
});
