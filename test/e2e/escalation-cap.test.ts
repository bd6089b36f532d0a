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
  sort: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big], threshold: 0.8, escalationsPerHour: 2 }
  free: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big], threshold: 0.8 }
`);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

async function ask(task: string, stream: boolean): Promise<string> {
  const messages = [{ role: 'user', content: 'Where is my money?' }];
  const answer = await world.post('/v1/chat/completions', { model: `task/${task}`, messages, stream });
  await answer.text();
  return `${answer.status} ${answer.headers.get('x-smallfirst-model')}`;
}

it.each([false, true])('asks the ceiling alone once a task has escalated as often as it may (stream: %s)', async (stream) => {
  upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -2 }] });
  upstream.script('huge', { tokens: [{ text: 'refund', logprob: -0.1 }] });
  for (let i = 0; i < 4; i += 1) expect(await ask('sort', stream)).toBe('200 big');
  expect(upstream.calls.map(({ model }) => model)).toEqual(['tiny', 'huge', 'tiny', 'huge', 'huge', 'huge']);
  // Even a small answer that would be sure is not asked for, and another task is none of this.
  upstream.script('tiny', { tokens: [{ text: 'billing', logprob: -0.01 }] });
  expect([await ask('sort', stream), await ask('free', stream)]).toEqual(['200 big', '200 small']);
  const rows = await world.rows();
  expect(rows.map((row) => `${row.task} ${row.model} ${row.outcome} ${row.decision}`)).toEqual([
    'sort small escalated low-confidence',
    'sort big accepted ceiling',
    'sort small escalated low-confidence',
    'sort big accepted ceiling',
    'sort big accepted escalation-cap',
    'sort big accepted escalation-cap',
    'sort big accepted escalation-cap',
    'free small accepted fixed-threshold',
  ]);
  const log = await readFile(join(world.folder, 'log'), 'utf8');
  expect(log.split('\n').filter((line) => line.includes('the task sort escalated 2 times within an hour')).length).toBe(1);
});
