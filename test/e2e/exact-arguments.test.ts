import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';

/** Arguments that no parser gives back: a number beyond 2^53, a precise one, two equal keys, white space. */
const ARGUMENTS = '{"id": 12345678901234567890, "x": 1.10, "x": 1e400, "name": "Zoë"}';
const QUOTED = JSON.stringify(ARGUMENTS);

const CHAT = {
  path: '/v1/chat/completions',
  call: `{"id":"c1","type":"function","function":{"name":"find","arguments":${QUOTED}}}`,
  request: (model: string) => `{"model":"${model}","messages":[{"role":"user","content":"hi"},
    {"role":"assistant","content":null,"tool_calls":[${CHAT.call}]},{"role":"tool","tool_call_id":"c1","content":"ok"}]}`,
  answer: () => `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls",
    "message":{"role":"assistant","content":null,"tool_calls":[${CHAT.call}]}}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}`,
  written: `"arguments":${QUOTED}`,
};
const MESSAGES = {
  path: '/v1/messages',
  call: `{"type":"tool_use","id":"c1","name":"find","input":${ARGUMENTS}}`,
  request: (
    model: string,
  ) => `{"model":"${model}","max_tokens":99,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[${MESSAGES.call}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"ok"}]}]}`,
  answer:
    () => `{"id":"1","type":"message","role":"assistant","model":"m","content":[${MESSAGES.call}],"stop_reason":"tool_use","stop_sequence":null,
    "usage":{"input_tokens":9,"output_tokens":9}}`,
  written: `"input":${ARGUMENTS}`,
};

let upstream: Server;
let world: CascadeWorld;
let seen = '';

beforeAll(async () => {
  upstream = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen = Buffer.concat(chunks).toString();
      const wire = request.url === MESSAGES.path ? MESSAGES : CHAT;
      response.writeHead(200, { 'content-type': 'application/json' }).end(wire.answer());
    })();
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  world = await openCascadeWorld(`
models:
  chat: { provider: openai, url: "${origin}/v1", apiKey: k, protocols: [openai-chat] }
  messages: { provider: anthropic, url: "${origin}", apiKey: k }
`);
});
afterAll(async () => {
  await world.remove();
  upstream.closeAllConnections();
  upstream.close();
});
beforeEach(() => {
  seen = '';
});

const ask = async (client: typeof CHAT, model: string): Promise<string> => {
  const answer = await world.post(client.path, client.request(model));
  expect(answer.status).toBe(200);
  return answer.text();
};

describe('the arguments of tools in a translated exchange', () => {
  it('stay as they were written in what a Messages client sends to a chat model', async () => {
    await ask(MESSAGES, 'chat');
    expect(seen).toContain(CHAT.written);
  });

  it('stay as they were written in what a chat client hears of a Messages model', async () => {
    expect(await ask(CHAT, 'messages')).toContain(CHAT.written);
  });

  it('stay as they were written in what a chat client sends to a Messages model', async () => {
    await ask(CHAT, 'messages');
    expect(seen).toContain(MESSAGES.written);
  });

  it('stay as they were written in what a Messages client hears of a chat model', async () => {
    expect(await ask(MESSAGES, 'chat')).toContain(MESSAGES.written);
  });
});
