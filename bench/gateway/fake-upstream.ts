/**
 * An upstream that answers at once: plain answers and streams of chat completions. Every frame of a stream carries the time at which it
 * was written, on the clock that all processes of a machine share. Prints its URL when it listens.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const USAGE = { prompt_tokens: 57, completion_tokens: 120, total_tokens: 177 };
const text = 'The quick brown fox jumps over the lazy dog. '.repeat(12);
const plain = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'gpt-4o-mini-2024-07-18',
    choices: [{ index: 0, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: USAGE,
    system_fingerprint: 'fp_bench',
  }),
);

function chunk(delta: object, finish: string | null, usage: object | null, choices = true): string {
  const body = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'gpt-4o-mini-2024-07-18',
    sent: String(process.hrtime.bigint()),
    choices: choices ? [{ index: 0, delta, logprobs: null, finish_reason: finish }] : [],
    usage,
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

/** A stream of `frames` frames, one every `gapMs`. */
async function stream(response: ServerResponse, frames: number, gapMs: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_bench' });
  for (let i = 0; i < frames && !response.destroyed; i += 1) {
    response.write(chunk({ content: `word ${i} ` }, null, null));
    await sleep(gapMs);
  }
  response.write(chunk({}, 'stop', null));
  response.write(chunk({}, null, USAGE, false));
  response.end('data: [DONE]\n\n');
}

const STREAM = Buffer.from('"stream":true');

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (bytes: Buffer) => chunks.push(bytes));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    if (!body.includes(STREAM)) {
      response.writeHead(200, ['content-type', 'application/json', 'content-length', String(plain.length), 'x-request-id', 'req_bench']);
      response.end(plain);
      return;
    }
    const { frames = 20, gapMs = 10 } = (JSON.parse(body.toString()) as { bench?: { frames?: number; gapMs?: number } }).bench ?? {};
    void stream(response, frames, gapMs);
  });
});
server.keepAliveTimeout = 120_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.once('SIGTERM', () => process.exit(0));
