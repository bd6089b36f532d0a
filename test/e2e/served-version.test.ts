import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runModelsHistory } from '../../src/cli/commands/models-history.ts';
import { runModelsPromote } from '../../src/cli/commands/models-promote.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { openStoreBeside } from '../../src/store-location.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { storedPair } from '../support/life-pairs.ts';
import { question, scriptKnowing } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;
let document: unknown = null;

const DAY_MS = 86_400_000;
const UNTIL = Date.now() - 2 * DAY_MS;
const CASES = 40;
const io: CommandIo = {
  out: () => {},
  json: (value) => {
    document = JSON.parse(JSON.stringify(value));
  },
  note: () => {},
  progress: () => ({ advance: () => {}, end: () => {} }),
  env: {},
  get cwd() {
    return world.folder;
  },
  signal: new AbortController().signal,
  width: 120,
};

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  for (const model of ['tiny', 'tiny-two', 'huge']) scriptKnowing(upstream, model);
  world = await openCascadeWorld(`
models:
  small: { provider: openai, model: tiny, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  small@2:
    { provider: openai, model: tiny-two, url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 }, trained: { until: "${new Date(UNTIL).toISOString()}" } }
  frontier: { provider: openai, model: huge, url: "${upstream.origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [small, small@2, frontier]
    golden: golden.jsonl
    audit: { share: 0 }
`);
  const cases = Array.from({ length: CASES }, (_, n) => ({
    id: `g${n}`,
    text: question(n % 2 === 0 ? 'billing' : 'refund', n),
    expected: n % 2 === 0 ? 'billing' : 'refund',
  }));
  await writeFile(join(world.folder, 'golden.jsonl'), cases.map((each) => JSON.stringify(each)).join('\n'));
  await world.certify({ small: 'small', verdict: 'swap', threshold: null, signal: null, calibrator: null, accepted: 1 });
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const promote = async (more: object = {}) => {
  const options = { config: 'smallfirst.yaml', data: 'data', task: 'classify', maxP95LatencyRatio: 1.5, json: true, ...more };
  return {
    code: await runModelsPromote('small@2', options, io),
    ...(document as { outcome: string; reason: string; certificate: object | null }),
  };
};
const asked = () => upstream.calls.filter(({ model }) => model === 'tiny-two').length;
async function recorded(from: number, count: number, wrong: (n: number) => boolean, at = UNTIL + DAY_MS): Promise<void> {
  const store = await openStoreBeside(join(world.folder, 'data'));
  const pairs = Array.from({ length: count }, (_, n) =>
    storedPair({
      id: `r${from + n}`,
      small: 'small@2',
      prompt: null,
      at: at + n,
      smallQuality: wrong(n) ? 0 : 1,
      smallCost: 100_000 as never,
      bigCost: 1_000_000 as never,
      servedSmall: 'tiny-two-v1',
      servedBig: 'huge-v1',
    }),
  );
  await store.pairs.append(pairs);
  await store.close();
}

describe('a fine-tuned version that is served elsewhere', () => {
  it('is asked the golden set where it is served, once, and refused where it is worse than the version that has the task', async () => {
    scriptKnowing(upstream, 'tiny-two', { err: (text) => (Number(/Ticket (\d+)/.exec(text)?.[1]) % 4 === 0 ? 'refund' : null) });
    expect(await promote()).toMatchObject({
      code: 1,
      outcome: 'refused',
      reason: expect.stringContaining('75.0 % against 100.0 % of small'),
    });
    expect(asked()).toBe(CASES);
    expect(await promote()).toMatchObject({ code: 1, outcome: 'refused' });
    expect(asked()).toBe(CASES);
  });

  it('is certified by pairs of after its training alone', async () => {
    // What it was trained on would speak for it.
    await recorded(0, 900, () => false, UNTIL - DAY_MS);
    expect(await promote()).toMatchObject({ code: 1, outcome: 'not-enough', reason: expect.stringContaining('834 more pairs') });
    await recorded(10_000, 900, (n) => n % 5 === 0);
    // A fifth is wrong and no signal tells which: the ceiling stays.
    expect(await promote({ write: true })).toMatchObject({ code: 1, outcome: 'refused', certificate: null });
    await runModelsHistory('small@2', { config: 'smallfirst.yaml', data: 'data', json: true }, io);
    const [version] = (document as { versions: readonly { stage: string; steps: readonly { kind: string }[] }[] }).versions;
    expect([version?.stage, version?.steps.map(({ kind }) => kind)]).toEqual(['shadow', ['candidate', 'golden']]);
  });

  it('takes over where they say that it may', async () => {
    await recorded(0, 900, () => false);
    expect(await promote({ write: true })).toMatchObject({ code: 0, outcome: 'promoted', certificate: { verdict: 'swap', look: 1 } });
    await world.reload();
    const answer = await world.post('/v1/chat/completions', {
      model: 'task/classify',
      messages: [{ role: 'user', content: question('refund', 7) }],
    });
    expect(answer.headers.get('x-smallfirst-model')).toBe('small@2');
  });
});
