import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { play, scenarios } from '../../test/support/policy-arbitraries.ts';
import { NANO_USD_PER_TOKEN, type Script, world } from '../../test/support/step-world.ts';
import { type Model, type ModelRequest, type NanoUsd, SmallfirstError, textMessage, usage } from '../core/index.ts';
import { ANY_MODEL, type Licence } from '../policy/index.ts';
import { runStep } from './run-step.ts';
import type { Step, StepRequest } from './types.ts';

const certified = (threshold: number | null): Licence => ({ kind: 'certified', threshold });

function model(name: string): Model {
  return {
    name,
    provider: 'scripted',
    model: name,
    tier: name === 'frontier' ? 'frontier' : 'small',
    boundary: 'any',
    capabilities: new Set(),
    contextWindow: null,
  };
}

const step: Step = {
  task: 'classify',
  step: 'first',
  pipeline: 'support',
  output: { kind: 'label', labels: ['billing', 'refund'] },
  ladder: [
    { model: model('small'), licence: certified(0.8) },
    { model: model('frontier'), licence: certified(null) },
  ],
};

function request(changes: Partial<StepRequest> = {}): StepRequest {
  return {
    requestId: 'request-1',
    itemId: 'item-1',
    input: 'Where is my money?',
    request: { messages: [textMessage('user', 'Where is my money?')] },
    need: ANY_MODEL,
    startAt: 0,
    polish: null,
    budget: null,
    deadlineAt: null,
    signal: null,
    streamed: false,
    origin: { key: 'team-a', team: 'a', fingerprint: null, bodyHash: null, tags: { env: 'test' } },
    ...changes,
  };
}

const sure: Script = { text: ' "Refund." ', confidence: 0.9 };
const unsure: Script = { text: 'billing', confidence: 0.3 };
const right: Script = { text: 'refund', ms: 100 };

function told(rows: readonly { model: string; purpose: string; outcome: string; decision: string | null }[]): readonly string[] {
  return rows.map((row) => `${row.model} ${row.purpose} ${row.outcome} ${row.decision}`);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SmallfirstError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'it answered';
}

describe('runStep', () => {
  it('answers with the small model when it is sure, and books the call', async () => {
    const { deps, rows, asked, closed } = world({ scripts: { small: sure, frontier: right } });
    const { answer, ...result } = await runStep(step, request(), deps);
    expect(answer.text).toBe(' "Refund." ');
    expect(result).toEqual({
      value: 'refund',
      model: 'small',
      tier: 'small',
      decision: 'certified',
      confidence: 0.9,
      threshold: 0.8,
      certified: true,
      attempts: [
        { callId: 'call-1', model: 'small', tier: 'small', why: 'start', result: 'complete', confidence: 0.9, cost: 1_050, latencyMs: 10 },
      ],
      cost: 1_050,
      latencyMs: 10,
    });
    expect(rows).toEqual([
      {
        id: 'call-1',
        requestId: 'request-1',
        at: 1_000_000,
        task: 'classify',
        step: 'first',
        pipeline: 'support',
        key: 'team-a',
        team: 'a',
        model: 'small',
        provider: 'scripted',
        servedModel: 'small-2026-07-01',
        tier: 'small',
        purpose: 'answer',
        outcome: 'accepted',
        error: null,
        stop: 'done',
        usage: usage({ freshInput: 100, output: 5 }),
        usageSource: 'reported',
        priceId: 'price-small',
        cost: 1_050,
        latencyMs: 10,
        firstTokenMs: 10,
        streamed: false,
        confidence: 0.9,
        decision: 'certified',
        fingerprint: null,
        bodyHash: null,
        tags: { env: 'test' },
      },
    ]);
    expect(asked.map(({ context }) => ({ ...context, signal: null }))).toEqual([
      { itemId: 'item-1', input: 'Where is my money?', signal: null, deadlineAt: null, output: step.output, held: expect.any(Function) },
    ]);
    expect(closed).toEqual(['small']);
  });

  it('escalates once when it is not sure, and pays for both', async () => {
    const { deps, rows } = world({ scripts: { small: unsure, frontier: right } });
    const result = await runStep(step, request(), deps);
    expect(result).toMatchObject({ value: 'refund', model: 'frontier', decision: 'ceiling', certified: true, cost: 2_100, latencyMs: 110 });
    expect(told(rows)).toEqual(['small answer escalated low-confidence', 'frontier escalation accepted ceiling']);
  });

  it('swaps without asking for confidence', async () => {
    const swap: Step = { ...step, ladder: [{ model: model('small'), licence: certified(null) }, step.ladder[1]!] };
    const { deps, rows } = world({ scripts: { small: { text: 'refund' } } });
    expect(await runStep(swap, request(), deps)).toMatchObject({ decision: 'certified', threshold: null, confidence: null });
    expect(told(rows)).toEqual(['small answer accepted certified']);
  });

  it('never asks an uncertified model while the ceiling answers', async () => {
    const ladder = [{ model: model('small'), licence: { kind: 'uncertified', why: 'no-certificate' } as const }, step.ladder[1]!];
    const { deps, rows } = world({ scripts: { small: sure, frontier: right } });
    await runStep({ ...step, ladder }, request(), deps);
    expect(told(rows)).toEqual(['frontier answer accepted ceiling']);
  });

  const failures: readonly (readonly [string, Script, string])[] = [
    ['invalid', { text: 'I think it is billing', confidence: 1 }, 'small answer invalid invalid-answer'],
    ['truncated', { text: 'refund', confidence: 1, stop: 'length' }, 'small answer truncated truncated'],
    ['filtered', { text: 'refund', confidence: 1, stop: 'content-filter' }, 'small answer refused refused'],
    ['refused', { refusal: 'I cannot help', confidence: 1 }, 'small answer refused refused'],
    ['cut', { text: 'refund', confidence: 1, stop: 'cut' }, 'small answer escalated failed'],
    ['broken', { error: new SmallfirstError('UPSTREAM_FAILED', 'the provider is down') }, 'small answer escalated failed'],
    ['buggy', { error: new TypeError('x is undefined') }, 'small answer escalated failed'],
    ['a call of a tool nobody offered', { toolCall: { name: 'rm', arguments: '{}' } }, 'small answer invalid invalid-answer'],
  ];
  it.each(failures)('escalates an answer that is %s', async (_, script, row) => {
    const { deps, rows, closed } = world({ scripts: { small: script, frontier: right } });
    expect(await runStep(step, request(), deps)).toMatchObject({ model: 'frontier', certified: true });
    expect(told(rows)).toEqual([row, 'frontier escalation accepted ceiling']);
    expect(rows[0]?.confidence).toBeNull();
    expect(closed).toEqual(['small', 'frontier']);
  });

  it('takes the call of an offered tool as an answer', async () => {
    const tools = [{ name: 'lookup', description: null, parameters: {} }];
    const asked = request({ request: { messages: [], tools } });
    const scripts = { small: { toolCall: { name: 'lookup', arguments: '{"id":1}' }, stop: 'tool-call', confidence: 0.9 } as const };
    expect(await runStep(step, asked, world({ scripts }).deps)).toMatchObject({ model: 'small', decision: 'certified' });
    const broken = { ...scripts, small: { ...scripts.small, toolCall: { name: 'lookup', arguments: '{"id":' } }, frontier: right };
    expect(await runStep(step, asked, world({ scripts: broken }).deps)).toMatchObject({ model: 'frontier' });
  });

  it('answers with the unsure answer, uncertified, when the ceiling fails', async () => {
    const { deps, rows } = world({ scripts: { small: unsure, frontier: { error: new SmallfirstError('UPSTREAM_FAILED', 'down') } } });
    expect(await runStep(step, request(), deps)).toMatchObject({ value: 'billing', decision: 'last-feasible', certified: false });
    expect(told(rows)).toEqual(['small answer accepted last-feasible', 'frontier escalation escalated last-feasible']);
    expect(rows[1]).toMatchObject({ error: 'UPSTREAM_FAILED', stop: null, cost: 0, usageSource: 'counted' });
  });

  it("throws the last provider's own error when all failed, with every attempt on record", async () => {
    const { deps, rows } = world({
      scripts: { small: { text: '', stop: 'cut' }, frontier: { error: new SmallfirstError('UPSTREAM_INVALID', 'not JSON') } },
    });
    expect(await codeOf(runStep(step, request(), deps))).toBe('UPSTREAM_INVALID: not JSON');
    expect(told(rows)).toEqual(['small answer escalated failed', 'frontier escalation failed all-failed']);
  });

  it("hands over the ceiling's truncated answer as truncated when nothing complete came", async () => {
    const { deps, rows } = world({ scripts: { small: { text: 'ref', stop: 'length' }, frontier: { text: 'refu', stop: 'length' } } });
    const result = await runStep(step, request(), deps);
    expect(result).toMatchObject({ decision: 'incomplete', certified: false, value: null, answer: { text: 'refu', stop: 'length' } });
    expect(told(rows)).toEqual(['small answer truncated truncated', 'frontier escalation accepted incomplete']);
  });

  it('polishes an accepted draft with the ceiling, under a request of its own', async () => {
    const polish: StepRequest['polish'] = (original, draft) => ({
      ...original,
      messages: [...original.messages, textMessage('assistant', draft.text)],
    });
    const { deps, rows, asked } = world({ scripts: { small: sure, frontier: right } });
    const result = await runStep(step, request({ polish }), deps);
    expect(result).toMatchObject({ model: 'frontier', decision: 'polished', certified: true, cost: 2_100 });
    expect(told(rows)).toEqual(['small answer escalated polish', 'frontier polish accepted polished']);
    expect(asked[1]?.request.messages).toEqual([textMessage('user', 'Where is my money?'), textMessage('assistant', ' "Refund." ')]);
    expect(asked[1]?.context).toMatchObject({ itemId: null, input: null });
  });
});

describe('runStep under a budget', () => {
  const estimates = { small: { cost: 1_100, ms: null }, frontier: { cost: 1_500, ms: null } };

  it('counts what was really spent, to the nano-dollar', async () => {
    const scripts = { small: unsure, frontier: right };
    const enough = request({ budget: 2_550 as NanoUsd });
    expect(await runStep(step, enough, world({ scripts, estimates }).deps)).toMatchObject({ decision: 'ceiling' });
    const short = request({ budget: 2_549 as NanoUsd });
    expect(await runStep(step, short, world({ scripts, estimates }).deps)).toMatchObject({ decision: 'no-budget', certified: false });
  });

  it('takes the estimate from the budget where the cost is not known', async () => {
    const options = { scripts: { small: { ...unsure, usage: null }, frontier: right }, estimates };
    const { deps, rows } = world(options);
    expect(await runStep(step, request({ budget: 2_599 as NanoUsd }), deps)).toMatchObject({ decision: 'no-budget', cost: null });
    expect(rows).toMatchObject([{ cost: null, priceId: null, usageSource: 'counted' }]);
    expect(await runStep(step, request({ budget: 2_600 as NanoUsd }), world(options).deps)).toMatchObject({ decision: 'ceiling' });
  });

  it('prices the polish with the draft in its prompt', async () => {
    const polish: StepRequest['polish'] = (original, draft) => ({ messages: [...original.messages, textMessage('user', draft.text)] });
    const estimate = (_: Model, { messages }: ModelRequest) => ({ cost: (messages.length * 1_000) as NanoUsd, ms: null });
    const polishOn = async (budget: number) => {
      const { deps } = world({ scripts: { small: sure, frontier: right } });
      return (await runStep(step, request({ polish, budget: budget as NanoUsd }), { ...deps, estimate })).decision;
    };
    expect([await polishOn(3_050), await polishOn(3_049)]).toEqual(['polished', 'no-budget']);
  });

  it('counts tokens where the provider reported none', async () => {
    const counted = usage({ freshInput: 90, output: 6 });
    const { deps, rows } = world({ scripts: { small: { ...sure, usage: null } }, counted: () => counted });
    expect(await runStep(step, request(), deps)).toMatchObject({ cost: 960 });
    expect(rows).toMatchObject([{ usage: counted, usageSource: 'counted', cost: 960 }]);
  });

  it('refuses before the first call when nothing is affordable, naming what stands in the way', async () => {
    const { deps, rows } = world({ scripts: {}, estimates, down: ['frontier'] });
    expect(await codeOf(runStep(step, request({ budget: 9 as NanoUsd }), deps))).toBe(
      'BUDGET_EXCEEDED: no model can answer: small (budget), frontier (unavailable)',
    );
    expect(rows).toEqual([]);
  });

  it('shows an unpriced call as unpriced, never as free', async () => {
    const { deps, rows } = world({ scripts: { small: unsure, frontier: right }, unpriced: ['small'] });
    expect(await runStep(step, request(), deps)).toMatchObject({ cost: null, attempts: [{ cost: null }, { cost: 1_050 }] });
    expect(rows.map(({ cost }) => cost)).toEqual([null, 1_050]);
  });
});

describe('runStep under a deadline', () => {
  it('leaves no timer behind when the answer comes in time', async () => {
    const { deps, clock } = world({ scripts: { small: unsure, frontier: right } });
    expect(await runStep(step, request({ deadlineAt: 1_000_400 }), deps)).toMatchObject({ decision: 'ceiling' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('breaks off a call that passes it, closes it, and answers with what it has', async () => {
    const { deps, clock, rows, closed } = world({
      scripts: { small: unsure, frontier: { text: 'ref', hang: 'polite', whenSaid: () => clock.advance(500) } },
      counted: () => usage({ freshInput: 100, output: 1 }),
    });
    const result = await runStep(step, request({ deadlineAt: 1_000_400 }), deps);
    expect(result).toMatchObject({ value: 'billing', decision: 'deadline', certified: false, latencyMs: 520 });
    expect(told(rows)).toEqual(['small answer accepted deadline', 'frontier escalation escalated deadline']);
    expect(rows[1]).toMatchObject({ error: 'DEADLINE_EXCEEDED', cost: 1_010, usageSource: 'counted', firstTokenMs: 10 });
    expect(closed).toEqual(['small', 'frontier']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not start a call that cannot end in time', async () => {
    const estimates = { small: { cost: 1, ms: 10 }, frontier: { cost: 1, ms: 400 } };
    const { deps, rows } = world({ scripts: { small: unsure }, estimates });
    expect(await runStep(step, request({ deadlineAt: 1_000_400 }), deps)).toMatchObject({ model: 'small', decision: 'deadline' });
    expect(rows).toHaveLength(1);
    expect(await codeOf(runStep(step, request({ deadlineAt: 1_000_000 }), deps))).toMatch(/^DEADLINE_EXCEEDED: no model can answer/);
  });
});

describe('runStep when the caller goes away', () => {
  it('calls nobody when that was before it began', async () => {
    const { deps, rows, asked } = world({ scripts: { small: sure } });
    expect(await codeOf(runStep(step, request({ signal: AbortSignal.abort() }), deps))).toBe('ABORTED: the caller went away');
    expect({ rows, asked }).toEqual({ rows: [], asked: [] });
  });

  it.each(['polite', 'deaf'] as const)('ends in the middle of a call to a %s provider, and books every attempt', async (hang) => {
    const caller = new AbortController();
    const { deps, rows, asked, closed } = world({
      scripts: { small: unsure, frontier: { text: 're', hang, whenSaid: () => queueMicrotask(() => caller.abort()) } },
      counted: () => usage({ freshInput: 100, output: 1 }),
    });
    expect(await codeOf(runStep(step, request({ signal: caller.signal }), deps))).toBe('ABORTED: the caller went away');
    expect(told(rows)).toEqual(['small answer escalated low-confidence', 'frontier escalation aborted null']);
    expect(rows[1]).toMatchObject({ error: 'ABORTED', cost: 1_010, usageSource: 'counted' });
    expect(asked[1]?.context.signal?.aborted).toBe(true);
    expect(closed).toEqual(hang === 'polite' ? ['small', 'frontier'] : ['small']);
  });

  it('books an answer that nobody took as aborted', async () => {
    const caller = new AbortController();
    const { deps, rows } = world({ scripts: { small: sure } });
    const confidence = (): number => {
      caller.abort();
      return 0.9;
    };
    expect(await codeOf(runStep(step, request({ signal: caller.signal }), { ...deps, confidence }))).toMatch(/^ABORTED/);
    expect(told(rows)).toEqual(['small answer aborted null']);
    expect(rows[0]?.cost).toBe(1_050);
  });
});

describe('runStep over recordings', () => {
  it("takes the recording's latency, and none where none was recorded", async () => {
    const recorded = { small: { ...unsure, recorded: { latencyMs: 250 } }, frontier: { ...right, recorded: {} } };
    const { deps, rows } = world({ scripts: recorded });
    expect(await runStep(step, request(), deps)).toMatchObject({ latencyMs: null });
    expect(rows.map(({ latencyMs, firstTokenMs }) => [latencyMs, firstTokenMs])).toEqual([
      [250, null],
      [null, null],
    ]);
  });

  it('decides as the replay decides, whatever the request', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const { ladder, need, startAt, polish, budget } = scenario.evidence;
        const live = world(worldOf(scenario));
        const rungs = ladder.map((rung) => ({ model: { ...model(rung.model), ...rung, name: rung.model }, licence: rung.licence }));
        const asked = request({ need, startAt, budget, polish: polish ? (original) => original : null });
        await runStep({ ...step, ladder: rungs }, asked, live.deps).catch(() => undefined);
        const decisions = play({ ...scenario, evidence: { ...scenario.evidence, deadlineAt: null } });
        expect(live.asked.map((one) => one.model)).toEqual(decisions.flatMap(({ action }) => (action.do === 'call' ? [action.model] : [])));
        const last = decisions.at(-1)!;
        expect(live.rows.map(({ cost }) => cost)).toEqual(last.evidence.tried.map(({ cost }) => cost));
        const end = last.action;
        const served = end.do === 'answer' ? live.rows[end.attempt] : live.rows.at(-1);
        expect(served?.decision).toBe(live.rows.length > 0 ? end.why : undefined);
      }),
      { numRuns: 300 },
    );
  });
});

/** The made-up request of the policy's tests, as scripted models whose usage makes their exact cost. */
function worldOf({ evidence, behaviours }: Parameters<typeof play>[0]): Parameters<typeof world>[0] {
  const costs = new Map(evidence.ladder.map(({ model: name }, index) => [name, behaviours[index]!.cost / NANO_USD_PER_TOKEN]));
  const scripts = evidence.ladder.map(({ model: name }, index): [string, Script] => {
    const { result, confidence } = behaviours[index]!;
    const spent = { confidence, usage: null };
    if (result === 'failed') return [name, { ...spent, text: 'refund', late: true, error: new SmallfirstError('UPSTREAM_FAILED', 'down') }];
    if (result === 'refused') return [name, { ...spent, refusal: 'no' }];
    return [name, { ...spent, text: result === 'invalid' ? 'neither' : 'refund', stop: result === 'truncated' ? 'length' : 'done' }];
  });
  return {
    scripts: Object.fromEntries(scripts),
    counted: (name) => usage({ output: costs.get(name)! }),
    down: evidence.ladder.filter(({ available }) => !available).map(({ model: name }) => name),
    estimates: Object.fromEntries(evidence.ladder.map((rung) => [rung.model, { cost: rung.estimatedCost, ms: rung.estimatedMs }])),
  };
}
