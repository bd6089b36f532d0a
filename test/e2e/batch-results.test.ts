import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { recordedCalls } from '../support/recorded-calls.ts';
import { runCommand, type ServedGateway, serveHere } from '../support/serve.ts';

/** What each path is answered with. */
const files = new Map<string, string>();
let upstream: Server;
let origin: string;
let gateway: ServedGateway;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    request.resume().on('end', () => {
      const text = files.get(request.url ?? '');
      response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'application/octet-stream' });
      // In pieces that end anywhere.
      const bytes = Buffer.from(text ?? '{"error":{"message":"no"}}');
      for (let at = 0; at < bytes.length; at += 777) response.write(bytes.subarray(at, at + 777));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(() => gateway?.remove());

const lines = (list: readonly object[]) => list.map((line) => `${JSON.stringify(line)}\n`).join('');
const chat = (n: number, extra: object = {}) => ({
  id: `batch_req_${n}`,
  custom_id: `request-${n}`,
  response: {
    status_code: 200,
    request_id: `req_${n}`,
    body: {
      id: `chatcmpl-${n}`,
      object: 'chat.completion',
      model: 'gpt-4o-mini-2024-07-18',
      choices: [{ index: 0, message: { role: 'assistant', content: 'é' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
      ...extra,
    },
  },
  error: null,
});
const message = (n: number) => ({
  custom_id: `mine-${n}`,
  result: {
    type: 'succeeded',
    message: {
      id: `msg_${n}`,
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-4-5-20251001',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'max_tokens',
      usage: { input_tokens: 20, output_tokens: 5, cache_read_input_tokens: 10, service_tier: 'batch' },
    },
  },
});

const config = (more = '') => `models:
  gpt: { provider: openai, model: gpt-4o-mini, url: "${origin}/v1", apiKey: k }
  claude: { provider: anthropic, model: claude-haiku-4-5, url: "${origin}", apiKey: k }
${more}`;

async function fetched(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(gateway.url + path, { headers });
  return { status: answer.status, text: await answer.text() };
}

async function rows() {
  await gateway.stop();
  const calls = await recordedCalls(gateway.dataDir);
  return [...calls].filter(({ tags }) => tags.batch !== undefined);
}

describe('the results of a batch', () => {
  it('are booked line by line at the price of batches, once however often they are fetched, and pass byte for byte', async () => {
    gateway = await serveHere({ config: config() });
    const openai = lines([
      chat(1),
      { id: 'batch_req_2', custom_id: 'request-2', response: { status_code: 400, body: { error: { message: 'no' } } }, error: null },
      { id: 'batch_req_3', custom_id: 'request-3', response: null, error: { code: 'batch_expired', message: 'late' } },
      chat(4, { object: 'response', output: [], status: 'completed', usage: { input_tokens: 7, output_tokens: 3 } }),
    ]);
    // No line feed at its end.
    const anthropic = lines([message(1), { custom_id: 'mine-2', result: { type: 'errored', error: {} } }, message(3)]).trimEnd();
    files.set('/v1/files/file-out/content', openai);
    files.set('/v1/messages/batches/msgbatch_1/results', anthropic);
    for (let n = 0; n < 3; n += 1) {
      expect(await fetched('/v1/files/file-out/content')).toEqual({ status: 200, text: openai });
      expect(await fetched('/v1/messages/batches/msgbatch_1/results')).toEqual({ status: 200, text: anthropic });
    }
    const booked = await rows();
    const shown = booked.map(({ model, provider, servedModel, purpose, outcome, stop, cost, usage, tags }) =>
      [
        tags.batch,
        tags.custom_id,
        model,
        provider,
        servedModel,
        purpose,
        outcome,
        stop,
        cost,
        usage.freshInput,
        usage.cacheRead,
        usage.output,
      ].join(' '),
    );
    // Half of 0.15 and 0.6, and of 1, 0.1 and 5 dollars a million tokens; in nano-dollars.
    expect(shown.sort()).toEqual([
      'file-out request-1 gpt openai gpt-4o-mini-2024-07-18 passthrough accepted done 10500 100 0 10',
      'file-out request-2 batches openai  passthrough failed  0 0 0 0',
      'file-out request-3 batches openai  passthrough failed  0 0 0 0',
      'file-out request-4 gpt openai gpt-4o-mini-2024-07-18 passthrough accepted done 1425 7 0 3',
      'msgbatch_1 mine-1 claude anthropic claude-haiku-4-5-20251001 passthrough accepted length 23000 20 10 5',
      'msgbatch_1 mine-2 messages/batches anthropic  passthrough failed  0 0 0 0',
      'msgbatch_1 mine-3 claude anthropic claude-haiku-4-5-20251001 passthrough accepted length 23000 20 10 5',
    ]);
    expect(
      booked.every(
        ({ id, requestId }) => id === requestId && /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id),
      ),
    ).toBe(true);
    const bill = JSON.parse(await runCommand(['bill', '--data', gateway.dataDir, '--json'])) as { calls: number };
    // Six requests that were answered, and seven that the batches hold.
    expect(bill.calls).toBe(13);
  });

  it('are booked to the key that made the batch, and to nobody where there are no keys', async () => {
    files.set('/v1/messages/batches', '{"id":"msgbatch_7","type":"message_batch"}');
    files.set('/v1/messages/batches/msgbatch_7/results', lines([message(1)]));
    const of = async (keys: string, headers: Record<string, string>) => {
      gateway = await serveHere({ config: config(keys) });
      const made = await fetch(`${gateway.url}/v1/messages/batches`, { method: 'POST', headers, body: '{}' });
      expect(made.status).toBe(200);
      const { status } = await fetched('/v1/messages/batches/msgbatch_7/results', headers);
      const booked = (await rows()).map(({ key, team }) => [key, team]);
      await gateway.remove();
      return [status, booked];
    };
    const keys = 'keys: [{ name: alice, key: alice-secret, passthrough: true, team: care }]\n';
    expect(await of(keys, { 'x-api-key': 'alice-secret' })).toEqual([200, [['alice', 'care']]]);
    expect(await of('', {})).toEqual([200, [[null, null]]]);
  });

  it('are told from other files by their first line; later lines that are none are passed over and told of', async () => {
    gateway = await serveHere({ config: config() });
    const input = lines([{ custom_id: 'request-1', method: 'POST', url: '/v1/chat/completions', body: { model: 'gpt-9' } }, chat(2)]);
    files.set('/v1/files/file-in/content', input);
    files.set('/v1/files/file-bytes/content', 'x'.repeat(300_000));
    files.set('/v1/files/file-odd/content', `${lines([chat(1)])}{"half":\n\n${lines([chat(2)])}`);
    for (const name of ['file-in', 'file-bytes', 'file-odd']) {
      expect((await fetched(`/v1/files/${name}/content`)).text).toBe(files.get(`/v1/files/${name}/content`));
    }
    expect((await rows()).map(({ tags }) => tags.custom_id).sort()).toEqual(['request-1', 'request-2']);
    expect(gateway.output()).toContain('1 results of the batch file-odd could not be read');
  });
});
