import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  const at = `url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 }`;
  world = await openCascadeWorld(`models:
  small: { provider: openai, model: tiny, ${at} }
  big: { provider: openai, model: huge, ${at} }
tasks:
  sort: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big], threshold: 0.8 }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

it('is the one that the log names, also where a better one was asked in vain', async () => {
  upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -2 }] });
  upstream.script('huge', { tokens: [{ text: 'no label', logprob: -0.1 }] });
  const answer = await world.post('/v1/chat/completions', { model: 'task/sort', messages: [{ role: 'user', content: 'Where is it?' }] });
  const told = (await answer.json()) as { choices: { message: { content: string } }[] };
  expect(told.choices[0]?.message.content).toBe('billing');
  expect([answer.headers.get('x-smallfirst-model'), answer.headers.get('x-smallfirst-decision')]).toEqual(['small', 'last-feasible']);
  const rows = await world.rows();
  expect(rows.map(({ model, outcome }) => `${model} ${outcome}`)).toEqual(['small accepted', 'big invalid']);
  const lines = (await readFile(join(world.folder, 'log'), 'utf8')).split('\n').filter((line) => line.includes('"msg":"request"'));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ model: 'small', task: 'sort', decision: 'last-feasible', status: 200 }]);
});
