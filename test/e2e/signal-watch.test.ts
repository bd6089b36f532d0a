import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { chatReply } from '../support/fake-upstream/openai-chat.ts';

let upstream: FakeUpstream;
let world: CascadeWorld;

beforeEach(async () => {
  upstream = await startFakeUpstream();
  const at = `url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 }`;
  world = await openCascadeWorld(`models:
  small: { provider: openai, model: tiny, ${at} }
  big: { provider: openai, model: huge, ${at} }
tasks:
  greet: { output: { kind: json, schema: { type: object } }, ladder: [small, big], threshold: 0.1 }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

async function ask(times: number): Promise<readonly (string | null)[]> {
  const models: (string | null)[] = [];
  for (let i = 0; i < times; i += 1) {
    const messages = [{ role: 'user', content: 'Where?' }];
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'place', schema: { type: 'object', properties: { city: { type: 'string' } } } },
    };
    const answer = await world.post('/v1/chat/completions', { model: 'task/greet', messages, response_format });
    await answer.text();
    models.push(answer.headers.get('x-smallfirst-model'));
  }
  return [...new Set(models)];
}

async function warnings(): Promise<number> {
  await world.rows();
  const log = await readFile(join(world.folder, 'log'), 'utf8');
  return log.split('\n').filter((line) => line.includes('50 answers of small in a row came without the logprobs')).length;
}

it('warns once where fifty small answers in a row lack the logprobs that a signal is made of', async () => {
  upstream.always({ kind: 'rewrite', rewrite: (_reply, { json }) => chatReply({ ...json, logprobs: false }) });
  expect(await ask(55)).toEqual(['big']);
  expect(upstream.seen.filter(({ json }) => json?.model === 'tiny').every(({ json }) => json?.logprobs === true)).toBe(true);
  expect(await warnings()).toBe(1);
});

it('has nothing to say where they come', async () => {
  expect(await ask(55)).toEqual(['small']);
  expect(await warnings()).toBe(0);
});
