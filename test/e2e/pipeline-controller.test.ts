import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let planner: FakeUpstream;
let tasks: ScriptedUpstream;
let world: CascadeWorld;

/** A model that plans behind one codec, which calls every tool that it is shown at once; and small models that execute. */
const yamlOf = (plan: string, caps: string) => `
models:
  plan: { ${plan}, apiKey: k, price: { input: 10, output: 20 } }
  small: { provider: openai, tier: small, model: tiny, url: "${tasks.origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  mid: { provider: openai, tier: mid, model: middle, url: "${tasks.origin}/v1", apiKey: k, price: { input: 2, output: 4 } }
tasks:
  classify: { output: { kind: label, labels: [billing, refund] }, ladder: [small, mid], threshold: 0.8 }
  reply: { output: { kind: text }, ladder: [small] }
pipelines:
  plan:
    steps:
      - { step: plan, controller: { model: plan, tasks: [classify, reply]${caps} } }
      - { step: polish, task: reply, input: "{{ plan.output }}", when: request.customerFacing == true }
`;

const CODECS = {
  'openai-chat': {
    path: '/v1/chat/completions',
    model: () => `provider: openai, model: gpt-5.2, protocols: [openai-chat], url: "${planner.origin}/v1"`,
  },
  'openai-responses': {
    path: '/v1/responses',
    model: () => `provider: openai, model: gpt-5.2, protocols: [openai-responses], url: "${planner.origin}/v1"`,
  },
  'anthropic-messages': { path: '/v1/messages', model: () => `provider: anthropic, model: claude-opus-4-6, url: "${planner.origin}"` },
} as const;

const codecs = Object.keys(CODECS) as (keyof typeof CODECS)[];

beforeEach(async () => {
  planner = await startFakeUpstream();
  tasks = await startScriptedUpstream();
  tasks.script('tiny', { tokens: [{ text: 'billing' }] });
  tasks.script('middle', { tokens: [{ text: 'refund' }] });
});
afterEach(async () => {
  await world.remove();
  await planner.close();
  await tasks.close();
});

interface Row {
  readonly id: string;
  readonly output: string;
  readonly costUsd: number;
  readonly skipped?: readonly string[];
  readonly steps: { readonly plan: { readonly plan: Readonly<Record<string, unknown>>; readonly costUsd: number } };
}

async function planned(codec: keyof typeof CODECS, caps = '', request: object = { customerFacing: false }): Promise<Row> {
  world = await openCascadeWorld(yamlOf(CODECS[codec].model(), caps));
  return again(request);
}

async function again(request: object = { customerFacing: false }): Promise<Row> {
  const answer = await world.post('/v1/pipelines/plan', { input: { text: 'What do they want?' }, request });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Row;
}

/** Every text anywhere in a body. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

describe.each(codecs)('a controller whose model speaks %s', (codec) => {
  it('delegates side by side through certified ladders, gets every outcome under its own call, and plans around a tool that fails', async () => {
    tasks.script('tiny', (body) => ({ tokens: [{ text: 'billing', logprob: body.logprobs === true ? -2 : -0.01 }] }));
    const row = await planned(codec);
    expect(row.output).toContain('heard');
    expect(row.steps.plan.plan).toMatchObject({
      turns: 2,
      calls: [
        { task: 'classify', output: 'refund', model: 'mid', tier: 'mid', decision: 'ceiling' },
        { task: 'reply', output: 'billing', model: 'small' },
      ],
    });
    const { planningUsd, delegatedUsd, frontierUsd, savedUsd } = row.steps.plan.plan as Record<string, number>;
    expect(row.costUsd).toBeCloseTo((planningUsd ?? 0) + (delegatedUsd ?? 0), 9);
    expect(savedUsd).toBeCloseTo((frontierUsd ?? 0) - row.steps.plan.costUsd, 9);
    expect(planner.seen.map(({ target }) => target)).toEqual([CODECS[codec].path, CODECS[codec].path]);
    const heard = textsIn(planner.seen[1]?.json);
    expect(heard.filter((text) => text.includes('"output":"refund"')).length).toBe(1);
    expect(heard.filter((text) => text.includes('"output":"billing"')).length).toBe(1);
    tasks.script('tiny', { tokens: [], status: 400 });
    tasks.script('middle', { tokens: [{ text: 'no label' }] });
    planner.reset();
    const around = await again();
    expect(around.steps.plan.plan).toMatchObject({
      turns: 2,
      calls: [
        { task: 'classify', output: null },
        { task: 'reply', error: 'UPSTREAM_REJECTED' },
      ],
    });
    const failed = textsIn(planner.seen[1]?.json).filter((text) => text.includes('"error"'));
    expect(failed).toEqual([expect.stringContaining('no model gave a valid answer'), expect.stringContaining('"error":')]);
    // What an upstream says of accounts goes to nobody.
    expect(failed.join()).not.toContain('acct_123');
    expect(around.skipped).toEqual(['polish']);
    const rows = (await world.rows()).filter(({ requestId }) => requestId === row.id);
    expect(rows.map(({ step, task, model, purpose }) => [step, task, model, purpose]).sort()).toEqual(
      [
        ['plan', null, 'plan', 'answer'],
        ['plan', 'classify', 'small', 'answer'],
        ['plan', 'classify', 'mid', 'escalation'],
        ['plan', 'reply', 'small', 'answer'],
        ['plan', null, 'plan', 'answer'],
      ].sort(),
    );
  });
});

it('makes no more delegated calls than it may', async () => {
  const row = await planned('openai-chat', ', maxCalls: 1');
  expect((row.steps.plan.plan.calls as readonly unknown[]).length).toBe(1);
  expect(textsIn(planner.seen[1]?.json).some((text) => text.includes('no more calls are allowed'))).toBe(true);
  expect(tasks.calls).toHaveLength(1);
});
