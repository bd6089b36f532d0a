import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, play, scenarios } from '../../test/support/policy-arbitraries.ts';
import { infeasible } from './feasible.ts';
import { budgetLeft } from './next-action.ts';
import type { Evidence, Rung } from './types.ts';

const RUNS = { numRuns: 3_000 };

function feasibleNow(rung: Rung, evidence: Evidence): boolean {
  const limits = { budgetLeft: budgetLeft(evidence), now: evidence.now, deadlineAt: evidence.deadlineAt };
  return infeasible(rung, evidence.need, limits) === null;
}

function untried(evidence: Evidence): readonly Rung[] {
  return evidence.ladder.filter((rung) => !evidence.tried.some((attempt) => attempt.model === rung.model));
}

function rungNamed(evidence: Evidence, model: string): Rung {
  const rung = evidence.ladder.find((one) => one.model === model);
  if (!rung) throw new Error(`no rung ${model}`);
  return rung;
}

function eachDecision(check: (decision: Decision) => void): void {
  fc.assert(
    fc.property(scenarios, (scenario) => {
      for (const decision of play(scenario)) check(decision);
    }),
    RUNS,
  );
}

describe('whatever the ladder, the request and the answers, the policy', () => {
  it('ends after at most one call per rung', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const decisions = play(scenario);
        expect(decisions.length - 1).toBeLessThanOrEqual(scenario.evidence.ladder.length);
        expect(decisions.at(-1)?.action.do).not.toBe('call');
      }),
      RUNS,
    );
  });

  it('decides the same from the same evidence', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(play(structuredClone(scenario))).toEqual(play(scenario));
      }),
      { numRuns: 300 },
    );
  });

  it('never calls a model that is infeasible or was tried', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'call') return;
      expect(feasibleNow(rungNamed(evidence, action.model), evidence)).toBe(true);
      expect(untried(evidence).map(({ model }) => model)).toContain(action.model);
    });
  });

  it('never serves a truncated, invalid or failed attempt while a feasible model is left, and a failed one never', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'answer') return;
      const { result } = evidence.tried[action.attempt]!;
      expect(result).not.toBe('failed');
      if (result === 'complete' || action.why === 'ceiling-refused') return;
      expect(action.why).toBe('incomplete');
      expect(evidence.tried.some((attempt) => attempt.result === 'complete')).toBe(false);
      expect(untried(evidence).filter((rung) => feasibleNow(rung, evidence))).toEqual([]);
    });
  });

  it('gives up only when nothing can be called and nothing was said', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'refuse') return;
      expect(untried(evidence).filter((rung) => feasibleNow(rung, evidence))).toEqual([]);
      expect(evidence.tried.filter(({ result }) => result !== 'failed')).toEqual([]);
    });
  });

  it('answers as certified only by the ceiling or by a certified rung at its threshold, and a missing confidence meets none', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'answer' || !action.certified) return;
      const attempt = evidence.tried[action.attempt]!;
      expect(attempt.result).toBe('complete');
      if (attempt.model === evidence.ladder.at(-1)?.model) return;
      const { licence } = rungNamed(evidence, attempt.model);
      expect(licence.kind).toBe('certified');
      if (licence.kind !== 'certified' || licence.threshold === null) return;
      expect(attempt.confidence).not.toBeNull();
      expect(attempt.confidence).toBeGreaterThanOrEqual(licence.threshold);
    });
  });

  it('calls an uncertified rung only when no licensed rung above the best answer can be called', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'call') return;
      const ceiling = evidence.ladder.at(-1)!;
      if (action.model === ceiling.model || rungNamed(evidence, action.model).licence.kind !== 'uncertified') return;
      expect(action.why).toBe('stand-in');
      expect(untried(evidence).includes(ceiling) && feasibleNow(ceiling, evidence)).toBe(false);
    });
  });

  it('spends no more than the budget, when estimates are upper bounds', () => {
    eachDecision(({ evidence }) => {
      const left = budgetLeft(evidence);
      if (left !== null) expect(left).toBeGreaterThanOrEqual(0);
    });
  });

  it('starts no call past the deadline', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'call' || evidence.deadlineAt === null) return;
      expect(evidence.now + (rungNamed(evidence, action.model).estimatedMs ?? 0)).toBeLessThanOrEqual(evidence.deadlineAt);
      expect(evidence.now).toBeLessThan(evidence.deadlineAt);
    });
  });

  it('with polish, answers from below the ceiling only when the ceiling was tried or cannot be called', () => {
    eachDecision(({ evidence, action }) => {
      if (action.do !== 'answer' || !evidence.polish) return;
      const ceiling = evidence.ladder.at(-1)!;
      if (evidence.tried[action.attempt]?.model === ceiling.model) return;
      expect(untried(evidence).includes(ceiling) && feasibleNow(ceiling, evidence)).toBe(false);
    });
  });
});

describe('the made-up requests', () => {
  it('reach every kind of decision, so that no property above holds for want of cases', () => {
    const reached = new Set<string>();
    for (const scenario of fc.sample(scenarios, { numRuns: 5_000, seed: 1 })) {
      for (const { action } of play(scenario)) reached.add(`${action.do} ${action.why}`);
    }
    expect([...reached].sort()).toEqual([
      'answer ceiling',
      'answer ceiling-refused',
      'answer certified',
      'answer deadline',
      'answer fixed-threshold',
      'answer incomplete',
      'answer last-feasible',
      'answer no-budget',
      'answer polished',
      'call failed',
      'call invalid-answer',
      'call low-confidence',
      'call polish',
      'call refused',
      'call stand-in',
      'call start',
      'call triaged',
      'call truncated',
      'call uncertified',
      'refuse all-failed',
      'refuse deadline',
      'refuse no-budget',
      'refuse no-feasible-model',
    ]);
  });
});
