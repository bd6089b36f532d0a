import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordedCalls } from '../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

const chunk = (text: string) =>
  `data: {"id":"c1","object":"chat.completion.chunk","model":"wire","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`;
const LAST = [
  'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":2,"total_tokens":13}}\n\n',
  'data: [DONE]\n\n',
].join('');

let upstream: Server;
let gateway: ServedGateway;
let play: (response: ServerResponse) => void;

beforeAll(async () => {
  upstream = createServer((request, response) => request.resume().on('end', () => play(response))).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await serveHere({
    config: `models: { m: { provider: openai, model: wire, url: "${origin}/v1", apiKey: k, retries: 0, price: { input: 1, output: 2 } } }`,
  });
});
afterAll(async () => {
  await gateway?.remove();
  upstream.closeAllConnections();
  upstream.close();
});

const ask = (stream: boolean) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'hi' }] }),
  });

describe('an event stream that does not say that it is one', () => {
  it('goes on frame by frame, is told to be one, and is read like any other', async () => {
    for (const head of [{}, { 'content-type': 'text/plain' }]) {
      let more: () => void = () => {};
      const heard = new Promise<void>((resolve) => {
        more = resolve;
      });
      play = (response) => {
        response.writeHead(200, head);
        // Split within the first frame's first word; the rest comes when the client has the beginning.
        response.write('da');
        setImmediate(() => response.write(chunk('one').slice(2)));
        void heard.then(() => response.end(LAST));
      };
      const answer = await ask(true);
      expect(answer.headers.get('content-type')).toBe(head['content-type'] ?? 'text/event-stream');
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!text.includes('\n\n')) text += (await reader.read()).value ?? '';
      expect(text).toBe(chunk('one'));
      more();
      for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
      // The client did not ask for usage.
      expect(text).toBe(
        chunk('one') +
          LAST.split('\n\n')
            .filter((frame) => frame !== '' && !frame.includes('"usage"'))
            .join('\n\n') +
          '\n\n',
      );
    }
  });

  it('is not what a file is taken for, whatever it begins with', async () => {
    play = (response) => response.writeHead(200).end('data: 1\n\nid: 2\n\n');
    const answer = await fetch(`${gateway.url}/v1/files/file-1/content`);
    expect([answer.headers.get('content-type'), answer.headers.get('content-length'), await answer.text()]).toEqual([
      null,
      '16',
      'data: 1\n\nid: 2\n\n',
    ]);
  });

  it('is a plain answer where its first bytes are none of a stream’s', async () => {
    const body =
      '{"id":"c2","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}';
    play = (response) => response.writeHead(200).end(body);
    for (const stream of [true, false]) {
      const answer = await ask(stream);
      expect([await answer.text(), answer.headers.get('content-length')]).toEqual([body, String(body.length)]);
    }
    play = (response) => response.writeHead(200).end();
    expect(await (await ask(true)).text()).toBe('');
    await gateway.stop();
    const calls = [...(await recordedCalls(gateway.dataDir))].reverse();
    expect(
      calls.filter(({ model }) => model === 'm').map(({ outcome, streamed, usage }) => [outcome, streamed, usage.freshInput, usage.output]),
    ).toEqual([
      ['accepted', true, 11, 2],
      ['accepted', true, 11, 2],
      ['accepted', true, 3, 1],
      ['accepted', false, 3, 1],
      ['failed', true, expect.any(Number), 0],
    ]);
  });
});
