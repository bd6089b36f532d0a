import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestFraction } from '../../src/run/index.ts';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { askTask, pairsKept, question, scriptKnowing, shownTask } from '../support/life-world.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

/** `relayed` has a ceiling of the client's own protocol, `translated` one of the other. */
const yamlOf = (origin: string, life: string) => `
models:
  small: { provider: openai, model: tiny, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  middle: { provider: openai, model: mid, url: "${origin}/v1", apiKey: k, price: { input: 2, output: 4 } }
  chatty: { provider: openai, model: huge, url: "${origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
  frontier: { provider: anthropic, model: great, url: "${origin}", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  relayed: { output: { kind: label, labels: [billing, refund] }, ladder: [small, middle, chatty], ${life} }
  translated: { output: { kind: label, labels: [billing, refund] }, ladder: [small, frontier], ${life} }
`;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  for (const model of ['tiny', 'mid', 'huge', 'great']) scriptKnowing(upstream, model);
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const open = async (life: string) => {
  world = await openCascadeWorld(yamlOf(upstream.origin, life));
};

const SHADOW = 'mode: shadow, shadow: { share: 1 }';

describe('a task in shadow mode', () => {
  it.each([
    ['relayed', false, 'chatty'],
    ['relayed', true, 'chatty'],
    ['translated', false, 'frontier'],
    ['translated', true, 'frontier'],
  ] as const)('is answered by its ceiling, and asks the candidate afterwards (%s, stream: %s)', async (task, stream, big) => {
    await open(`${SHADOW}, capture: { mode: redacted }`);
    scriptKnowing(upstream, 'tiny', { logprob: -0.5, err: (asked) => (asked.includes('Ticket 2') ? 'refund' : null) });
    const right = await askTask(world, task, `${question('billing', 1)} from me@example.com`, stream);
    const wrong = await askTask(world, task, question('billing', 2), stream);
    const decided = task === 'relayed' ? null : 'ceiling';
    expect([right, wrong].map(({ text, mode, model, decision }) => [text, mode, model, decision])).toEqual([
      ['billing', 'shadow', big, decided],
      ['billing', 'shadow', big, decided],
    ]);
    await pairsKept(world, task, 'shadow', 2);
    const { rows, pairs } = await world.record();
    expect(rows.map(({ requestId, model, purpose, outcome, cost }) => [requestId, model, purpose, outcome, cost])).toEqual(
      expect.arrayContaining([
        [right.id, big, 'answer', 'accepted', 220_000],
        [right.id, 'small', 'shadow', 'observed', 22_000],
        [wrong.id, big, 'answer', 'accepted', 220_000],
        [wrong.id, 'small', 'shadow', 'observed', 22_000],
      ]),
    );
    const pair = pairs.find(({ id }) => id === right.id);
    expect(pair).toEqual({
      id: right.id,
      task,
      small: 'small',
      big,
      at: expect.any(Number),
      drawn: 'uniform',
      inclusion: 1,
      cluster: null,
      smallQuality: 1,
      bigQuality: 1,
      confidence: null,
      signals: expect.objectContaining({ token: expect.closeTo(Math.exp(-0.5)), margin: expect.any(Number), valid: 1 }),
      smallCost: 22_000,
      bigCost: 220_000,
      smallLatencyMs: expect.any(Number),
      bigLatencyMs: expect.any(Number),
      requestId: right.id,
      certificate: null,
      prompt: rows[0]?.fingerprint,
      servedSmall: 'tiny-v1',
      servedBig: task === 'relayed' ? 'huge-v1' : 'great-v1',
      input: 'Ticket 1: the answer is <billing> from [EMAIL]',
      smallOutput: 'billing',
      bigOutput: 'billing',
      by: 'agreement',
      skip: false,
    });
    expect(pairs.find(({ id }) => id === wrong.id)).toMatchObject({ smallQuality: 0, bigQuality: 1, smallOutput: 'refund' });
  });

  it('asks the candidates about the drawn share of requests, which only their ids decide', async () => {
    world = await openCascadeWorld(yamlOf(upstream.origin, SHADOW).replace('{ share: 1 }', '{ share: 0.3, candidates: [small, middle] }'));
    const ids: string[] = [];
    for (let n = 0; n < 40; n += 1) ids.push((await askTask(world, 'relayed', question('refund', n))).id);
    const drawn = ids.filter((id) => requestFraction('shadow\0relayed', id) < 0.3);
    expect(drawn.length).toBeGreaterThan(0);
    await pairsKept(world, 'relayed', 'shadow', 2 * drawn.length);
    const { pairs } = await world.record();
    expect(pairs.map(({ id, small, inclusion }) => `${id} ${small} ${inclusion}`).sort()).toEqual(
      drawn.flatMap((id) => [`${id} middle 0.3`, `${id} small 0.3`]).sort(),
    );
    expect(new Set(pairs.map(({ input }) => input))).toEqual(new Set([null]));
  });

  it('never lets the client wait, and is aborted when the gateway stops', async () => {
    await open(SHADOW);
    upstream.script('tiny', { tokens: [{ text: 'billing', wait: new Promise(() => {}) }] });
    const { text, id } = await askTask(world, 'relayed', question('billing'));
    expect(text).toBe('billing');
    const call = await upstream.call(1);
    expect(call.model).toBe('tiny');
    const { rows, pairs } = await world.record();
    expect(await call.over).toBe('gone');
    expect(rows.map(({ requestId, model, purpose, outcome }) => [requestId, model, purpose, outcome])).toEqual([
      [id, 'chatty', 'answer', 'accepted'],
      [id, 'small', 'shadow', 'aborted'],
    ]);
    expect(pairs).toEqual([]);
  });

  it('keeps no pair of an answer that failed, and the row of a candidate that did', async () => {
    await open(SHADOW);
    upstream.script('tiny', { tokens: [], status: 400 });
    await askTask(world, 'relayed', question('billing'));
    await upstream.call(1);
    upstream.script('huge', { tokens: [], status: 400 });
    expect((await world.post('/v1/chat/completions', { model: 'task/relayed', messages: [{ role: 'user', content: 'x' }] })).status).toBe(
      400,
    );
    const { rows, pairs } = await world.record();
    expect(rows.map(({ model, purpose, outcome }) => `${model} ${purpose} ${outcome}`)).toEqual([
      'chatty answer accepted',
      'small shadow failed',
      'chatty answer failed',
    ]);
    expect(pairs).toEqual([]);
  });

  it("counts an answer of the ceiling that is no label as nobody's, and takes no text for agreement", async () => {
    await open(SHADOW);
    upstream.script('huge', { tokens: [{ text: 'I cannot say' }] });
    await askTask(world, 'relayed', question('billing'));
    await pairsKept(world, 'relayed', 'shadow', 1);
    const { pairs } = await world.record();
    expect(pairs).toMatchObject([{ smallQuality: 0, bigQuality: 0, smallOutput: 'billing', bigOutput: null }]);
  });
});

describe('what shadow calls cost', () => {
  it('stays within the limits of the config across restarts, and says once that they are spent', async () => {
    // At its worst a call reads a few dozen tokens and writes five: under 150 µ$; a real one costs 22 µ$.
    await open('mode: shadow, shadow: { share: 1, usdPerDay: 0.0002, usdTotal: 10 }');
    for (let n = 0; n < 4; n += 1) {
      await askTask(world, 'relayed', question('billing', n));
      await upstream.call(2 * n + 1);
      await pairsKept(world, 'relayed', 'shadow', n + 1);
    }
    const before = await shownTask(world, 'relayed');
    expect(before.shadow).toMatchObject({ todayUsd: 0.000088, totalUsd: 0.000088, perDayUsd: 0.0002, limitUsd: 10 });
    await world.restart();
    expect((await shownTask(world, 'relayed')).shadow).toMatchObject({ todayUsd: 0.000088, totalUsd: 0.000088, pairs: 0 });
    for (let n = 0; n < 10; n += 1) await askTask(world, 'relayed', question('billing', n));
    await expect
      .poll(async () => (await shownTask(world, 'relayed')).events.map(({ kind }) => kind), { timeout: 20_000 })
      .toEqual(['shadow-budget']);
    await world.restart();
    await askTask(world, 'relayed', question('billing'));
    const { rows, events } = await world.record();
    const spent = rows.filter(({ purpose }) => purpose === 'shadow').reduce((sum, { cost }) => sum + (cost ?? 0), 0);
    expect(spent).toBeGreaterThan(88_000);
    expect(spent).toBeLessThanOrEqual(200_000);
    expect(events.map(({ kind, task, reason }) => [kind, task, reason])).toEqual([
      ['shadow-budget', 'relayed', 'Shadow calls have spent their $0.0002 of today (UTC); they go on tomorrow.'],
    ]);
  });
});

describe('a task in observe mode', () => {
  it('is recorded only, whatever the lock says', async () => {
    await open('mode: observe, shadow: { share: 1 }');
    await world.certify({ task: 'relayed', verdict: 'swap', threshold: null, signal: null, calibrator: null });
    const told = await askTask(world, 'relayed', question('billing'));
    expect([told.mode, told.model]).toEqual(['observe', 'chatty']);
    expect(await shownTask(world, 'relayed')).toMatchObject({ mode: 'observe', certificate: { id: 'certificate-1' }, live: null });
    const { rows, events } = await world.record();
    expect([rows.length, events]).toEqual([1, []]);
  });
});
