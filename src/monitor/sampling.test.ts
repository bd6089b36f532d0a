import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom, wilson } from '../statistics/index.ts';
import { type AuditedRow, AuditPlan, MINIMUM_OF_SHARE, neymanShares, retainedEstimate } from './index.ts';

describe('neymanShares', () => {
  const stratum = fc.record({ weight: fc.nat(1000), deviation: fc.double({ min: 0, max: 1, noNaN: true }) });

  it('keeps the mean share and the minimum, and audits more where the score varies more', () => {
    fc.assert(
      fc.property(
        fc.array(stratum, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (strata, share, part) => {
          const minimum = share * part;
          const shares = neymanShares(strata, { share, minimum });
          const total = strata.reduce((sum, { weight }) => sum + weight, 0);
          const mean = strata.reduce((sum, { weight }, i) => sum + weight * shares[i]!, 0) / total;
          if (total > 0) expect(mean).toBeLessThanOrEqual(share * (1 + 1e-9));
          expect(Math.min(...shares)).toBeGreaterThanOrEqual(minimum);
          expect(Math.max(...shares)).toBeLessThanOrEqual(1);
          const order = strata.map(({ deviation }, i) => ({ deviation, share: shares[i]! })).sort((a, b) => a.deviation - b.deviation);
          for (let i = 1; i < order.length; i += 1) expect(order[i]!.share).toBeGreaterThanOrEqual(order[i - 1]!.share - 1e-12);
        },
      ),
    );
  });

  it('spends all of the share, in proportion to the deviations where no limit is met', () => {
    const shares = neymanShares(
      [
        { weight: 3, deviation: 0.1 },
        { weight: 1, deviation: 0.3 },
      ],
      { share: 0.03, minimum: 0.001 },
    );
    expect(shares[0]).toBeCloseTo(0.02, 9);
    expect(shares[1]).toBeCloseTo(0.06, 9);
  });

  it('is uniform where nothing deviates, and refuses a minimum that no share can hold', () => {
    expect(neymanShares([{ weight: 1, deviation: 0 }], { share: 0.1, minimum: 0.05 })).toEqual([0.1]);
    expect(() => neymanShares([], { share: 0.1, minimum: 0.2 })).toThrow(RangeError);
    expect(() => neymanShares([], { share: 0.1, minimum: 0 })).toThrow(RangeError);
  });
});

describe('an audit plan', () => {
  /** Traffic with confidences uniform in .8…1 that is right as often as they say. */
  function auditedBy(plan: AuditPlan, requests: number) {
    const random = seededRandom(3);
    let audits = 0;
    for (let i = 0; i < requests; i += 1) {
      const confidence = 0.8 + 0.2 * random.next();
      const inclusion = plan.probability(confidence);
      if (random.next() >= inclusion) continue;
      audits += 1;
      plan.add(confidence, random.next() < confidence ? 0.02 : -0.98, inclusion);
    }
    return audits;
  }

  it('begins uniform and ends with more audits near the threshold, at the same cost', () => {
    const plan = new AuditPlan(0.1);
    expect(plan.strata).toEqual([{ from: null, probability: 0.1 }]);
    const audits = auditedBy(plan, 50_000);
    expect(audits / 50_000).toBeGreaterThan(0.09);
    expect(audits / 50_000).toBeLessThan(0.11);
    const { strata } = plan;
    expect(strata.length).toBe(5);
    expect(strata[0]!.probability).toBeGreaterThan(0.12);
    expect(strata.at(-1)!.probability).toBe(plan.minimum);
    expect(plan.minimum).toBe(MINIMUM_OF_SHARE * 0.1);
  });

  it('keeps its strata when it may spend more, and audits all at a share of 1', () => {
    const plan = new AuditPlan(0.1);
    auditedBy(plan, 20_000);
    const cuts = plan.strata.map(({ from }) => from);
    plan.spend(0.2);
    expect([plan.strata.map(({ from }) => from), plan.minimum]).toEqual([cuts, MINIMUM_OF_SHARE * 0.2]);
    plan.spend(1);
    expect(plan.strata.map(({ probability }) => probability)).toEqual([1, 1, 1, 1, 1]);
    expect(() => plan.spend(0)).toThrow(RangeError);
  });

  it('treats answers without confidence as one stratum', () => {
    const plan = new AuditPlan(0.1);
    for (let i = 0; i < 1_000; i += 1) plan.add(null, i % 50 === 0 ? -0.98 : 0.02, 0.1);
    expect(plan.strata).toEqual([{ from: null, probability: expect.closeTo(0.1, 9) }]);
  });
});

describe('retainedEstimate', () => {
  const kept: AuditedRow = { accepted: true, small: 1, big: 1, inclusion: 0.02 };

  it("gives Wilson's lower end where weights are equal and nothing was lost, and one at 1 above", () => {
    const estimate = retainedEstimate(new Array<AuditedRow>(300).fill(kept), 0.95)!;
    expect([estimate.retained, estimate.rows, estimate.audits]).toEqual([1, 300, 300]);
    expect(estimate.low).toBeCloseTo(wilson(300, 300, 0.95).low, 4);
    expect(estimate.high).toBeGreaterThan(1);
  });

  it("gives Wilson's lower end with losses too, where the ceiling is always right", () => {
    const rows = Array.from({ length: 400 }, (_none, i) => ({ ...kept, small: i < 12 ? 0 : 1 }));
    const estimate = retainedEstimate(rows, 0.95)!;
    expect(estimate.retained).toBeCloseTo(0.97, 12);
    expect(estimate.low).toBeCloseTo(wilson(388, 400, 0.95).low, 4);
  });

  it('gives ends where the score test of binary rows has its limits, however few or one-sided the rows are', () => {
    for (const [n, lost] of [
      [5, 0],
      [5, 5],
      [20, 20],
      [50, 3],
      [1_000, 1],
      [2_000, 1_999],
    ] as const) {
      const estimate = retainedEstimate(
        Array.from({ length: n }, (_none, i) => ({ ...kept, small: i < lost ? 0 : 1 })),
        0.95,
      )!;
      const score = wilson(n - lost, n, 0.95);
      if (lost < n) expect(estimate.low).toBeCloseTo(score.low, 4);
      if (lost > 0) expect(estimate.high).toBeGreaterThan(score.high - 1e-4);
      expect(estimate.low <= estimate.retained && estimate.retained <= estimate.high).toBe(true);
    }
  });

  it('weighs rows by 1/π', () => {
    const rows: AuditedRow[] = [
      { accepted: true, small: 0, big: 1, inclusion: 0.5 },
      { accepted: true, small: 1, big: 1, inclusion: 0.25 },
      { accepted: false, small: 0, big: 1, inclusion: 0.1 },
    ];
    expect(retainedEstimate(rows, 0.95)!.retained).toBeCloseTo((4 + 10) / (2 + 4 + 10), 12);
  });

  it('says nothing without rows, or while the ceiling was never right', () => {
    expect(retainedEstimate([], 0.95)).toBe(null);
    expect(retainedEstimate([{ ...kept, big: 0 }], 0.95)).toBe(null);
  });

  it('holds the truth in about 95 % of streams with unequal probabilities, escalation and gains', () => {
    const random = seededRandom(11);
    const runs = 300;
    let covered = 0;
    for (let run = 0; run < runs; run += 1) {
      const estimate = retainedEstimate(
        Array.from({ length: 600 }, () => drawnRow(random.next)),
        0.95,
      )!;
      if (estimate.low <= TRUTH && TRUTH <= estimate.high) covered += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.92);
    expect(covered / runs).toBeLessThan(0.985);
  });
});

/** Strata of the traffic: share, π, P(big right), P(small right), accepted. */
const STRATA = [
  { share: 0.3, pi: 0.02, big: 0.8, small: 0, accepted: false },
  { share: 0.2, pi: 0.06, big: 0.85, small: 0.8, accepted: true },
  { share: 0.5, pi: 0.02, big: 0.95, small: 0.945, accepted: true },
] as const;
const TRUTH = (0.3 * 0.8 + 0.2 * 0.8 + 0.5 * 0.945) / (0.3 * 0.8 + 0.2 * 0.85 + 0.5 * 0.95);
const DRAWN = STRATA.reduce((sum, { share, pi }) => sum + share * pi, 0);

function drawnRow(next: () => number): AuditedRow {
  const which = next() * DRAWN;
  const [first, second, third] = STRATA;
  const ofFirst = first.share * first.pi;
  const rest = which < ofFirst + second.share * second.pi ? second : third;
  const stratum = which < ofFirst ? first : rest;
  const both = next();
  return {
    accepted: stratum.accepted,
    big: both < stratum.big ? 1 : 0,
    // Mostly right together, as models are: the small one is right where the big one is, but for some of each.
    small: both < stratum.small - 0.01 || next() < 0.01 / (1.01 - stratum.small) ? 1 : 0,
    inclusion: stratum.pi,
  };
}
