import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStoreToRead } from '../../src/store-location.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  const at = `url: "${upstream.origin}/v1", apiKey: k, price: { input: 1, output: 2 }`;
  world = await openCascadeWorld(`models:
  small: { provider: openai, tier: small, model: tiny, ${at} }
  frontier: { provider: openai, model: huge, ${at} }
  judge: { provider: openai, model: assessor, ${at} }
tasks:
  reply: { output: { kind: text }, ladder: [small, frontier], canary: false, audit: { share: 0 }, metric: { judge: judge, rubric: { text: It is polite. } } }
  polish: { output: { kind: text }, ladder: [frontier], metric: { judge: judge, rubric: { text: It is polite. } }, floor: { retain: 0.99 } }
pipelines:
  support:
    steps:
      - { step: draft, task: reply, model: small }
      - step: polish
        task: polish
        purpose: polish
        input: "{{ draft.output }}"
        when: request.customerFacing || draft.confidence < draft.threshold
`);
  upstream.script('huge', { tokens: [{ text: 'Dear customer' }] });
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const draft = (logprob: number) => upstream.script('tiny', { tokens: [{ text: 'Dear you', logprob }] });

interface Row {
  readonly output: string;
  readonly skipped?: readonly string[];
  readonly steps: { readonly draft: { readonly confidence: number | null; readonly threshold?: number; readonly decision: string } };
}

async function run(customerFacing: boolean): Promise<Row> {
  const answer = await world.post('/v1/pipelines/support', { input: { text: 'charged twice' }, request: { customerFacing } });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Row;
}

it('polishes for customers and what is not certified to be sure, skips it by the certified threshold, and shows the share on the bill', async () => {
  draft(-0.01);
  // Nobody has certified the draft: its confidence counts for nothing.
  expect(await run(false)).toMatchObject({ output: 'Dear customer', steps: { draft: { confidence: null, decision: 'named' } } });
  await world.certify({
    task: 'reply',
    threshold: 0.8,
    signal: 'mean-logprob',
    calibrator: { kind: 'platt', input: 'value', slope: 2, intercept: 3, n: 100 },
  });
  expect(await run(false)).toMatchObject({ output: 'Dear you', skipped: ['polish'], steps: { draft: { threshold: 0.8 } } });
  expect(await run(true)).toMatchObject({ output: 'Dear customer' });
  draft(-2);
  expect(await run(false)).toMatchObject({ output: 'Dear customer', steps: { draft: { threshold: 0.8 } } });
  await world.rows();
  const store = await openStoreToRead(join(world.folder, 'data'));
  const bill = await store.calls.bill({ from: 0, to: Math.ceil(Date.now() / 3_600_000) * 3_600_000 }, ['pipeline', 'step', 'purpose']);
  await store.close();
  expect(bill.map(({ dimensions: { pipeline, step, purpose }, requests }) => [pipeline, step, purpose, requests])).toEqual([
    ['support', 'draft', 'answer', 4],
    ['support', 'polish', 'polish', 3],
  ]);
});
