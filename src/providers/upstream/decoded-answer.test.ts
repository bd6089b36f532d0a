import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { answer, type Step, serve, upstreams } from '../../../test/support/upstream-world.ts';
import { collect, type ModelEvent, type ModelRequest, textMessage, usage } from '../../core/index.ts';
import type { CallContext } from '../types.ts';
import { createHttpClient } from './http-client.ts';

const request: ModelRequest = { messages: [textMessage('user', 'Hi')], maxTokens: 5 };
const context: CallContext = { itemId: null, input: null, signal: null, deadlineAt: null };
const counts = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const plain = JSON.stringify({ id: 'c', model: 'x', choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }], usage: counts });
const chat = [
  'data: {"id":"c","model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}\n\n',
  'data: {"id":"c","model":"x","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n',
  `data: {"id":"c","model":"x","choices":[],"usage":${JSON.stringify(counts)}}\n\n`,
  'data: [DONE]\n\n',
];
const told = { text: 'Hello', stop: 'done', usage: usage({ freshInput: 3, output: 2 }), usageSource: 'reported' };

const sent =
  (coding: string, type: string, bytes: Buffer): Step =>
  (_, response) =>
    response.writeHead(200, { 'content-type': type, 'content-encoding': coding }).end(bytes);

async function callTo(step: Step) {
  const server = await serve(step);
  return { server, client: createHttpClient(upstreams([{ name: 'm', url: server.url, retries: 0 }]).get('m')) };
}

async function heard(step: Step) {
  return collect((await callTo(step)).client.call(request, context));
}

describe.each(Object.entries({ gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }))(
  'an answer compressed by %s, though none was asked for',
  (coding, compress) => {
    it('is read, plain and streamed', async () => {
      expect(await heard(sent(coding, 'application/json', compress(plain)))).toMatchObject(told);
      expect(await heard(sent(coding, 'text/event-stream', compress(chat.join(''))))).toMatchObject(told);
    });
  },
);

describe('a compressed answer', () => {
  it('is heard while it comes, and closed as soon as nobody reads on', async () => {
    const { server, client } = await callTo((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
      gzip.pipe(response);
      // The rest never comes.
      gzip.write(chat[0]);
    });
    let first: ModelEvent | null = null;
    for await (const event of client.call(request, context)) {
      first = event;
      if (event.type === 'text') break;
    }
    expect(first).toMatchObject({ type: 'text', text: 'Hel' });
    await server.until(() => server.closed.length === 1);
  });

  it('that breaks off looks cut, with what came', async () => {
    const bytes = gzipSync(chat[0] ?? '', { finishFlush: constants.Z_SYNC_FLUSH });
    const cut: Step = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.write(bytes, () => response.destroy());
    };
    expect(await heard(cut)).toMatchObject({ text: 'Hel', stop: 'cut' });
  });

  it.each<[string, Step, string, RegExp]>([
    ['bytes that are not of their coding', answer(200, 'x', { 'content-encoding': 'gzip' }), 'UPSTREAM_INVALID', /does not decompress/],
    ['an unknown coding', answer(200, 'x', { 'content-encoding': 'compress' }), 'UPSTREAM_INVALID', /not known here/],
    ['a refusal in an unknown coding', answer(429, 'x', { 'content-encoding': 'compress' }), 'UPSTREAM_BUSY', /limiting the rate/],
    [
      'a compressed refusal',
      (_, response) =>
        response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{"error":{"message":"max_tokens is too large"}}')),
      'UPSTREAM_REJECTED',
      /max_tokens is too large/,
    ],
  ])('throws for %s what is safe to show', async (_, step, code, message) => {
    await expect(heard(step)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
