import { describe, expect, it } from 'vitest';
import type { Capability, NanoUsd } from '../core/index.ts';
import { ANY_MODEL, infeasible } from './feasible.ts';
import { nextAction } from './next-action.ts';
import type { Attempt, Evidence, Licence, Rung } from './types.ts';

const certified = (threshold: number | null): Licence => ({ kind: 'certified', threshold });
const fixed = (threshold: number): Licence => ({ kind: 'fixed', threshold });
const uncertified: Licence = { kind: 'uncertified', why: 'no-certificate' };

function rung(model: string, licence: Licence, changes: Partial<Rung> = {}): Rung {
  return {
    model,
    tier: 'small',
    boundary: 'any',
    capabilities: new Set<Capability>(),
    contextWindow: null,
    estimatedCost: 10 as NanoUsd,
    estimatedMs: null,
    licence,
    available: true,
    ...changes,
  };
}

const frontier = rung('frontier', certified(null), { tier: 'frontier', estimatedCost: 100 as NanoUsd });

function evidence(ladder: readonly Rung[], tried: readonly Attempt[] = [], changes: Partial<Evidence> = {}): Evidence {
  return { ladder, tried, need: ANY_MODEL, startAt: 0, polish: false, budget: null, now: 0, deadlineAt: null, ...changes };
}

function tried(model: string, result: Attempt['result'] = 'complete', confidence: number | null = null): Attempt {
  return { model, result, confidence, cost: 10 as NanoUsd };
}

const cascade = [rung('small', certified(0.8)), frontier];

describe('a certified cascade', () => {
  it('starts with the small model', () => {
    expect(nextAction(evidence(cascade))).toEqual({ do: 'call', model: 'small', why: 'start' });
  });

  it('accepts from the threshold on', () => {
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.8)]))).toEqual({
      do: 'answer',
      attempt: 0,
      why: 'certified',
      certified: true,
    });
  });

  it('escalates below the threshold, and without a confidence', () => {
    const up = { do: 'call', model: 'frontier', why: 'low-confidence' };
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.79)]))).toEqual(up);
    expect(nextAction(evidence(cascade, [tried('small')]))).toEqual(up);
    expect(nextAction(evidence([rung('small', certified(0)), frontier], [tried('small')]))).toEqual(up);
  });

  it('escalates what is not complete, and says why', () => {
    const reasons = (['invalid', 'truncated', 'refused', 'failed'] as const).map((result) => {
      const action = nextAction(evidence(cascade, [tried('small', result, 0.99)]));
      return action.do === 'call' ? `${action.model} ${action.why}` : action.do;
    });
    expect(reasons).toEqual(['frontier invalid-answer', 'frontier truncated', 'frontier refused', 'frontier failed']);
  });

  it("takes the ceiling's answer whatever its confidence", () => {
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.1), tried('frontier')]))).toEqual({
      do: 'answer',
      attempt: 1,
      why: 'ceiling',
      certified: true,
    });
  });

  it('answers with the unsure small answer, uncertified, when the ceiling fails', () => {
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.1), tried('frontier', 'failed')]))).toEqual({
      do: 'answer',
      attempt: 0,
      why: 'last-feasible',
      certified: false,
    });
  });

  it("lets the ceiling's refusal stand", () => {
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.1), tried('frontier', 'refused')]))).toEqual({
      do: 'answer',
      attempt: 1,
      why: 'ceiling-refused',
      certified: false,
    });
  });

  it('goes straight to the ceiling when triage says so', () => {
    expect(nextAction(evidence(cascade, [], { startAt: 1 }))).toEqual({ do: 'call', model: 'frontier', why: 'triaged' });
  });

  it('does not accept by its certificate what triage had sent upwards', () => {
    const skipped = evidence(cascade, [tried('frontier', 'failed')], { startAt: 1 });
    expect(nextAction(skipped)).toEqual({ do: 'call', model: 'small', why: 'stand-in' });
    expect(nextAction({ ...skipped, tried: [...skipped.tried, tried('small', 'complete', 0.99)] })).toEqual({
      do: 'answer',
      attempt: 1,
      why: 'last-feasible',
      certified: false,
    });
  });
});

describe('other licences', () => {
  it('a swap accepts every valid answer', () => {
    expect(nextAction(evidence([rung('small', certified(null)), frontier], [tried('small')]))).toMatchObject({
      do: 'answer',
      why: 'certified',
      certified: true,
    });
  });

  it('a fixed threshold accepts and is never certified; there a missing confidence counts as 0', () => {
    const ladder = [rung('small', fixed(0.7)), frontier];
    expect(nextAction(evidence(ladder, [tried('small', 'complete', 0.7)]))).toEqual({
      do: 'answer',
      attempt: 0,
      why: 'fixed-threshold',
      certified: false,
    });
    expect(nextAction(evidence(ladder, [tried('small')]))).toMatchObject({ do: 'call', model: 'frontier' });
    expect(nextAction(evidence([rung('small', fixed(0)), frontier], [tried('small')]))).toMatchObject({ why: 'fixed-threshold' });
  });

  it('an uncertified rung is not called on the way to the ceiling', () => {
    const ladder = [rung('student', uncertified), rung('small', certified(0.8)), rung('mid', uncertified), frontier];
    expect(nextAction(evidence(ladder))).toEqual({ do: 'call', model: 'small', why: 'uncertified' });
    expect(nextAction(evidence(ladder, [tried('small', 'complete', 0.2)]))).toEqual({
      do: 'call',
      model: 'frontier',
      why: 'low-confidence',
    });
  });

  it('without a ceiling, the highest feasible uncertified rung stands in, then the next one down', () => {
    const down = { ...frontier, available: false };
    const ladder = [rung('student', uncertified), rung('small', uncertified), rung('mid', uncertified), down];
    expect(nextAction(evidence(ladder))).toEqual({ do: 'call', model: 'mid', why: 'stand-in' });
    expect(nextAction(evidence(ladder, [tried('mid', 'invalid')]))).toEqual({ do: 'call', model: 'small', why: 'stand-in' });
    expect(nextAction(evidence(ladder, [tried('mid', 'invalid'), tried('small', 'complete', 0.99)]))).toEqual({
      do: 'answer',
      attempt: 1,
      why: 'last-feasible',
      certified: false,
    });
  });

  it('a stand-in below an answer already there is not called: it could only be worse', () => {
    const ladder = [rung('student', uncertified), rung('small', certified(0.8)), { ...frontier, available: false }];
    expect(nextAction(evidence(ladder, [tried('small', 'complete', 0.2)]))).toMatchObject({ do: 'answer', why: 'last-feasible' });
  });
});

describe('polish', () => {
  const polish = { polish: true };

  it('passes an accepted draft through the ceiling, and is certified as its draft is', () => {
    expect(nextAction(evidence(cascade, [tried('small', 'complete', 0.9)], polish))).toEqual({
      do: 'call',
      model: 'frontier',
      why: 'polish',
    });
    const both = [tried('small', 'complete', 0.9), tried('frontier')];
    expect(nextAction(evidence(cascade, both, polish))).toEqual({ do: 'answer', attempt: 1, why: 'polished', certified: true });
    expect(nextAction(evidence([rung('small', fixed(0.8)), frontier], both, polish))).toMatchObject({ why: 'polished', certified: false });
  });

  it("does not polish the ceiling's own answer", () => {
    const both = [tried('small', 'complete', 0.1), tried('frontier')];
    expect(nextAction(evidence(cascade, both, polish))).toEqual({ do: 'answer', attempt: 1, why: 'ceiling', certified: true });
  });

  it('answers with the draft when the polish fails or does not fit the budget', () => {
    const draft = tried('small', 'complete', 0.9);
    expect(nextAction(evidence(cascade, [draft, tried('frontier', 'truncated')], polish))).toMatchObject({ attempt: 0, why: 'certified' });
    expect(nextAction(evidence(cascade, [draft], { ...polish, budget: 109 as NanoUsd }))).toEqual({
      do: 'answer',
      attempt: 0,
      why: 'no-budget',
      certified: true,
    });
  });
});

describe('limits', () => {
  it('a budget counts the attempts already made', () => {
    const unsure = [tried('small', 'complete', 0.1)];
    expect(nextAction(evidence(cascade, unsure, { budget: 110 as NanoUsd }))).toMatchObject({ do: 'call', model: 'frontier' });
    expect(nextAction(evidence(cascade, unsure, { budget: 109 as NanoUsd }))).toEqual({
      do: 'answer',
      attempt: 0,
      why: 'no-budget',
      certified: false,
    });
    expect(nextAction(evidence(cascade, [], { budget: 9 as NanoUsd }))).toEqual({ do: 'refuse', why: 'no-budget' });
  });

  it('a rung without a price fits no budget, and any request without one', () => {
    const ladder = [{ ...frontier, estimatedCost: null }];
    expect(nextAction(evidence(ladder, [], { budget: 1_000 as NanoUsd }))).toEqual({ do: 'refuse', why: 'no-feasible-model' });
    expect(nextAction(evidence(ladder))).toMatchObject({ do: 'call', model: 'frontier' });
  });

  it('a deadline counts typical times, and ends everything when it has passed', () => {
    const slow = [rung('small', certified(0.8), { estimatedMs: 20 }), { ...frontier, estimatedMs: 500 }];
    const unsure = [tried('small', 'complete', 0.1)];
    expect(nextAction(evidence(slow, unsure, { now: 100, deadlineAt: 600 }))).toMatchObject({ do: 'call', model: 'frontier' });
    expect(nextAction(evidence(slow, unsure, { now: 101, deadlineAt: 600 }))).toMatchObject({ do: 'answer', why: 'deadline', attempt: 0 });
    expect(nextAction(evidence(slow, [], { now: 600, deadlineAt: 600 }))).toEqual({ do: 'refuse', why: 'deadline' });
  });

  it('refuses when everything failed, and when there is nothing to call', () => {
    expect(nextAction(evidence(cascade, [tried('small', 'failed'), tried('frontier', 'failed')]))).toEqual({
      do: 'refuse',
      why: 'all-failed',
    });
    expect(nextAction(evidence([]))).toEqual({ do: 'refuse', why: 'no-feasible-model' });
  });

  it("hands over the highest rung's incomplete words when nothing complete came from anywhere", () => {
    expect(nextAction(evidence(cascade, [tried('small', 'invalid'), tried('frontier', 'truncated')]))).toEqual({
      do: 'answer',
      attempt: 1,
      why: 'incomplete',
      certified: false,
    });
  });
});

describe('infeasible', () => {
  const limits = { budgetLeft: null, now: 0, deadlineAt: null };
  const need = { capabilities: new Set<Capability>(['tools']), tokens: 2_000, boundaries: new Set(['internal', 'eu']) };
  const able = rung('mid', uncertified, { boundary: 'eu', capabilities: new Set<Capability>(['tools']), contextWindow: 2_000 });

  it('names what stands in the way, first what money and time would not change', () => {
    const poor = { budgetLeft: 9 as NanoUsd, now: 5, deadlineAt: 5 };
    expect([
      infeasible(able, need, limits),
      infeasible({ ...able, available: false }, need, poor),
      infeasible({ ...able, boundary: 'any' }, need, poor),
      infeasible({ ...able, capabilities: new Set() }, need, poor),
      infeasible({ ...able, contextWindow: 1_999 }, need, poor),
      infeasible({ ...able, estimatedCost: null }, need, poor),
      infeasible(able, need, poor),
      infeasible(able, need, { ...poor, deadlineAt: null }),
    ]).toEqual([null, 'unavailable', 'boundary', 'capability', 'context-window', 'unpriced', 'deadline', 'budget']);
  });
});
