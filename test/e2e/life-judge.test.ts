import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { askedOf, askTask, pairsKept, shownTask } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

const yamlOf = (origin: string, shadow: string) => `
models:
  small: { provider: openai, model: tiny, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  frontier: { provider: openai, model: huge, url: "${origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
  judge: { provider: openai, model: assessor, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
tasks:
  reply:
    output: { kind: text }
    ladder: [small, frontier]
    metric: { judge: judge, rubric: { text: It is polite. } }
    mode: shadow
    shadow: ${shadow}
    capture: { mode: full }
`;

/** A judge that finds `please` worth 1 and everything else .25; `mum` gets no verdict. */
const assess = (body: Readonly<Record<string, unknown>>) => {
  const said = /BEGIN ANSWER [0-9a-f]{24}\n([\s\S]*)\nEND ANSWER/.exec(askedOf(body))?.[1] ?? '';
  const text = said === 'mum' ? 'Hm.' : JSON.stringify({ reason: 'r', score: said.includes('please') ? 1 : 0.25 });
  return { tokens: [{ text }] };
};

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  upstream.script('assessor', assess);
  upstream.script('huge', { tokens: [{ text: 'Wait, please.' }] });
  upstream.script('tiny', { tokens: [{ text: 'Wait.' }] });
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

describe('a text task in shadow mode', () => {
  it('becomes pairs that its judge scored, one answer at a time, with the judge on the bill', async () => {
    world = await openCascadeWorld(yamlOf(upstream.origin, '{ share: 1 }'));
    const { id } = await askTask(world, 'reply', 'When do you open?');
    await pairsKept(world, 'reply', 'shadow', 1);
    const { rows, pairs } = await world.record();
    expect(pairs).toMatchObject([
      {
        id,
        small: 'small',
        big: 'frontier',
        smallQuality: 0.25,
        bigQuality: 1,
        by: 'judge:judge',
        smallOutput: 'Wait.',
        bigOutput: 'Wait, please.',
      },
    ]);
    expect(rows.map(({ requestId, model, purpose, cost }) => [requestId, model, purpose, cost]).toSorted()).toEqual([
      [id, 'frontier', 'answer', 220_000],
      [id, 'judge', 'judge', 22_000],
      [id, 'judge', 'judge', 22_000],
      [id, 'small', 'shadow', 22_000],
    ]);
  });

  it('makes no pair without a verdict, and scores the same text once', async () => {
    world = await openCascadeWorld(yamlOf(upstream.origin, '{ share: 1 }'));
    upstream.script('tiny', { tokens: [{ text: 'mum' }] });
    await askTask(world, 'reply', 'one');
    await expect.poll(() => upstream.calls.filter(({ model }) => model === 'assessor').length).toBe(3);
    upstream.script('tiny', { tokens: [{ text: 'Wait, please.' }] });
    const { id } = await askTask(world, 'reply', 'two');
    await pairsKept(world, 'reply', 'shadow', 1);
    const { rows, pairs } = await world.record();
    expect(pairs.map((pair) => [pair.id, pair.smallQuality, pair.bigQuality])).toEqual([[id, 1, 1]]);
    expect(
      rows
        .filter(({ purpose }) => purpose === 'judge')
        .map(({ outcome }) => outcome)
        .toSorted(),
    ).toEqual(['invalid', 'invalid', 'observed', 'observed']);
  });

  it('pays the judge from what shadow calls may cost, over a restart too', async () => {
    world = await openCascadeWorld(yamlOf(upstream.origin, '{ share: 1, usdTotal: 1 }'));
    await askTask(world, 'reply', 'one');
    await pairsKept(world, 'reply', 'shadow', 1);
    expect((await shownTask(world, 'reply')).shadow?.totalUsd).toBeCloseTo(66e-6, 12);
    await world.restart();
    await askTask(world, 'reply', 'two');
    await expect.poll(async () => (await shownTask(world, 'reply')).shadow?.totalUsd).toBeCloseTo(132e-6, 12);
  });
});
