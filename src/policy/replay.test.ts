import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { play, scenarios } from '../../test/support/policy-arbitraries.ts';
import { type Model, type NanoUsd, ZERO_USD } from '../core/index.ts';
import { type RecordedAttempt, type ReplayCase, replayPolicy, rungOf } from './replay.ts';
import { summariseReplay } from './replay-summary.ts';

const model = (name: string, tier: Model['tier']): Model => ({
  name,
  tier,
  provider: 'replay',
  model: name,
  boundary: 'any',
  capabilities: new Set(),
  contextWindow: null,
});

const policy = {
  ladder: [
    rungOf(model('small', 'small'), { kind: 'certified', threshold: 0.8 }),
    rungOf(model('frontier', 'frontier'), { kind: 'certified', threshold: null }),
  ],
};

const SMALL_COST = 200_000 as NanoUsd;
const FRONTIER_COST = 12_000_000 as NanoUsd;

function attempt(quality: number, changes: Partial<RecordedAttempt> = {}): RecordedAttempt {
  return { result: 'complete', confidence: null, cost: FRONTIER_COST, latencyMs: 900, quality, ...changes };
}

const small = (quality: number, confidence: number | null) => attempt(quality, { confidence, cost: SMALL_COST, latencyMs: 100 });

function recorded(id: string, attempts: Readonly<Record<string, RecordedAttempt>>): ReplayCase {
  return { id, recorded: new Map(Object.entries(attempts)) };
}

describe('replayPolicy', () => {
  it('bills what the live rule would have called: the escalated request pays for both', () => {
    const cases = [
      recorded('sure', { small: small(1, 0.9), frontier: attempt(1) }),
      recorded('unsure', { small: small(0, 0.4), frontier: attempt(1) }),
    ];
    const outcomes = replayPolicy(cases, () => policy);
    expect(outcomes.map(({ id, cost, latencyMs, final }) => ({ id, cost, latencyMs, why: final?.why }))).toEqual([
      { id: 'sure', cost: 200_000, latencyMs: 100, why: 'certified' },
      { id: 'unsure', cost: 12_200_000, latencyMs: 1_000, why: 'ceiling' },
    ]);
    expect(summariseReplay(outcomes)).toEqual({
      requests: 2,
      unrecorded: 0,
      answered: 2,
      refused: 0,
      certified: 2,
      escalated: 1,
      calls: 3,
      cost: 12_400_000,
      unpricedCalls: 0,
      quality: 1,
      latencyMs: 550,
      models: [
        { model: 'small', calls: 2, answers: 1, cost: 400_000, unpricedCalls: 0 },
        { model: 'frontier', calls: 1, answers: 1, cost: 12_000_000, unpricedCalls: 0 },
      ],
    });
  });

  it('does not make up a call that was not recorded', () => {
    const [outcome] = replayPolicy([recorded('a', { small: small(0, 0.4) })], () => policy);
    expect(outcome).toMatchObject({ final: null, unrecorded: 'frontier', answer: null, cost: 200_000 });
    expect(summariseReplay([outcome!])).toMatchObject({ requests: 1, unrecorded: 1, answered: 0, calls: 0, cost: 0, quality: null });
  });

  it("does not pass the ceiling's own answer off as a polished draft", () => {
    const one = recorded('a', { small: small(1, 0.9), frontier: attempt(0) });
    const polishing = { ...policy, polish: true };
    expect(replayPolicy([one], () => polishing)[0]).toMatchObject({ final: null, unrecorded: 'frontier' });
    const [outcome] = replayPolicy([{ ...one, polished: attempt(1) }], () => polishing);
    expect(outcome).toMatchObject({ final: { why: 'polished', certified: true }, answer: { model: 'frontier', quality: 1 } });
    expect(summariseReplay([outcome!])).toMatchObject({ calls: 2, escalated: 0 });
  });

  it('counts unpriced calls apart, and a refusal as quality 0', () => {
    const failed = attempt(0, { result: 'failed', cost: null, quality: null });
    const cases = [recorded('a', { small: small(1, 0.9) }), recorded('b', { small: failed, frontier: failed })];
    expect(summariseReplay(replayPolicy(cases, () => policy))).toMatchObject({
      answered: 1,
      refused: 1,
      quality: 0.5,
      cost: 200_000,
      unpricedCalls: 2,
    });
  });

  it('keeps to a deadline in recorded time', () => {
    const late = recorded('a', { small: small(0, 0.4), frontier: attempt(1) });
    expect(replayPolicy([late], () => ({ ...policy, deadlineMs: 100 }))[0]?.final).toMatchObject({ why: 'deadline', certified: false });
  });

  it('ends as the live loop ends, whatever the request', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { ladder, deadlineAt, ...rest } = scenario.evidence;
        const attempts = scenario.behaviours.map(
          (behaviour, index) => [`model-${index}`, { ...behaviour, latencyMs: behaviour.ms, quality: null }] as const,
        );
        const one: ReplayCase = { id: 'a', recorded: new Map(attempts) };
        const polished = attempts.at(-1)?.[1];
        const [outcome] = replayPolicy([polished ? { ...one, polished } : one], () => ({ ...rest, ladder, deadlineMs: deadlineAt }));
        const decisions = play(scenario);
        expect(outcome?.final).toEqual(decisions.at(-1)?.action);
        expect(outcome?.calls.map(({ model: name, why }) => ({ do: 'call', model: name, why }))).toEqual(
          decisions.slice(0, -1).map(({ action }) => action),
        );
        const paid = decisions.at(-1)?.evidence.tried.reduce((sum, { cost }) => sum + cost, ZERO_USD as number);
        expect(outcome?.cost).toBe(paid);
      }),
      { numRuns: 1_000 },
    );
  });
});
