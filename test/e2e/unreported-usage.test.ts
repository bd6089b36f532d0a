import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { pairsKept } from '../support/life-world.ts';

const REFUSAL = 'No, that is nothing that anybody here can help with.';
const THOUGHT = 'The customer wrote of two charges for one order, which is about money and not about a parcel.';
const CALL = { id: 'c', type: 'function', function: { name: 'look_up_the_order', arguments: '{"order":"A-1234567890"}' } };

const MESSAGES: Readonly<Record<string, object>> = {
  refuses: { content: '', refusal: REFUSAL },
  calls: { content: '', tool_calls: [CALL] },
  thinks: { content: 'billing', reasoning_content: THOUGHT },
};

let upstream: Server;
let world: CascadeWorld;

/** A provider that says nothing of what its answers used: one model refuses, one calls a tool, one thinks before it answers. */
beforeEach(async () => {
  upstream = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { model } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly model: string };
      const message = MESSAGES[model];
      const choice = { index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: '1', object: 'chat.completion', created: 1, model, choices: [choice] }));
    })();
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterEach(async () => {
  await world.remove();
  upstream.closeAllConnections();
  upstream.close();
});

it.each(['refuses', 'calls'])('books what a model wrote in a step where its upstream tells no usage: one that %s', async (model) => {
  const { port } = upstream.address() as AddressInfo;
  world = await openCascadeWorld(`
models:
  m: { provider: openai, model: ${model}, url: "http://127.0.0.1:${port}/v1", apiKey: k, price: { input: 1, output: 2 } }
tasks: { reply: { output: { kind: text }, ladder: [m] } }
pipelines: { support: { steps: [{ step: answer, task: reply }] } }
`);
  await (await world.post('/v1/pipelines/support', { input: { text: 'Where is my order?' } })).text();
  const [row] = await world.rows();
  expect([row?.step, row?.usageSource]).toEqual(['answer', 'counted']);
  expect(row?.usage.output).toBeGreaterThan(8);
});

it('books what a candidate thought before it answered in the background', async () => {
  const { port } = upstream.address() as AddressInfo;
  world = await openCascadeWorld(`
models:
  small: { provider: openai, model: thinks, url: "http://127.0.0.1:${port}/v1", apiKey: k, price: { input: 1, output: 2 } }
  big: { provider: openai, model: thinks, url: "http://127.0.0.1:${port}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks: { sort: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big], mode: shadow, shadow: { share: 1 } } }
`);
  const messages = [{ role: 'user', content: 'Two charges for one order' }];
  await (await world.post('/v1/chat/completions', { model: 'task/sort', messages })).text();
  await pairsKept(world, 'sort', 'shadow', 1);
  const row = (await world.rows()).find(({ purpose }) => purpose === 'shadow');
  expect(row?.usageSource).toBe('counted');
  expect(row?.usage.output).toBeGreaterThan(15);
});
