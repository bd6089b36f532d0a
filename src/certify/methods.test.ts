import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binomialPmf, clopperPearson, normalCdf } from '../statistics/index.ts';
import {
  errorBudget,
  eValue,
  evalueUnitsNeeded,
  fixedSequence,
  type GradedUnits,
  gradedLogEValue,
  gradedScoreTest,
  harmLowerBound,
  harmTest,
  harmUnitsNeeded,
  holm,
  jointFixedSequences,
  logEValue,
  type PairCounts,
  pairsNeeded,
  scoreTest,
} from './index.ts';

const countsArbitrary = fc
  .tuple(fc.nat(60), fc.nat(400), fc.nat(30), fc.nat(60))
  .filter(([lost, kept, gained, rest]) => lost + kept + gained + rest > 0)
  .map(([lost, kept, gained, rest]): PairCounts => ({ n: lost + kept + gained + rest, lost, kept, gained }));
const floorArbitrary = fc.constantFrom(0.5, 0.9, 0.95, 0.98, 0.99, 1);

function unitsOf(counts: PairCounts): GradedUnits {
  const policy = new Float64Array(counts.n);
  const big = new Float64Array(counts.n);
  big.fill(1, 0, counts.lost + counts.kept);
  policy.fill(1, counts.lost, counts.lost + counts.kept + counts.gained);
  return { policy, big, scale: 1 };
}

/** The formula of the score test as it is printed in textbooks: 200 plain bisections of ν in (0, 1/ρ). */
function scoreTestByHand(counts: PairCounts, rho: number): number {
  const { n, kept, gained } = counts;
  const lost = counts.lost === 0 ? 1e-9 : counts.lost;
  const mean = (-rho * counts.lost + (1 - rho) * kept + gained) / n;
  if (mean <= 1e-14) return 1;
  let low = 0;
  let high = 1 / rho;
  for (let i = 0; i < 200; i += 1) {
    const nu = (low + high) / 2;
    const f = (-rho * lost) / (1 - rho * nu) + ((1 - rho) * kept) / (1 + (1 - rho) * nu) + gained / (1 + nu);
    if (f > 0) low = nu;
    else high = nu;
  }
  const nu = (low + high) / 2;
  const variance =
    (rho ** 2 * lost) / (n * (1 - rho * nu)) + ((1 - rho) ** 2 * kept) / (n * (1 + (1 - rho) * nu)) + gained / (n * (1 + nu));
  return 1 - normalCdf(mean * Math.sqrt(n / variance));
}

describe('score test', () => {
  it('agrees with the printed formula', () => {
    fc.assert(
      fc.property(countsArbitrary, floorArbitrary, (counts, floor) => {
        expect(Math.abs(scoreTest(counts, floor) - scoreTestByHand(counts, floor))).toBeLessThan(1e-6);
      }),
      { numRuns: 300 },
    );
  });

  it('has the closed form z² = m(1−ρ)/ρ when nothing was lost or gained', () => {
    for (const m of [10, 149, 150, 30_000]) {
      const closed = normalCdf(-Math.sqrt((m * 0.02) / 0.98));
      expect(scoreTest({ n: m + 50, lost: 0, kept: m, gained: 0 }, 0.98) / closed).toBeCloseTo(1, 6);
    }
  });

  it('asks for 151 lossless pairs at 98 % and 95 %, and 149 are not enough', () => {
    const passes = (m: number) => scoreTest({ n: m, lost: 0, kept: m, gained: 0 }, 0.98) <= 0.04;
    expect([149, 150, 151].map(passes)).toEqual([false, false, true]);
  });

  it('stays in [0, 1], falls with gains, rises with losses and with the floor', () => {
    fc.assert(
      fc.property(countsArbitrary, floorArbitrary, (counts, floor) => {
        const p = scoreTest(counts, floor);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(scoreTest({ ...counts, n: counts.n + 1, lost: counts.lost + 1 }, floor)).toBeGreaterThanOrEqual(p - 1e-9);
        if (counts.kept > 0) {
          expect(scoreTest({ ...counts, lost: counts.lost + 1, kept: counts.kept - 1 }, floor)).toBeGreaterThanOrEqual(p - 1e-9);
        }
        expect(scoreTest(counts, floor * 0.99)).toBeLessThanOrEqual(p + 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it('equals its graded form on 0/1 data', () => {
    fc.assert(
      fc.property(countsArbitrary, floorArbitrary, (counts, floor) => {
        expect(Math.abs(gradedScoreTest(unitsOf(counts), floor) - scoreTest(counts, floor))).toBeLessThan(1e-8);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps its worst-case atom: graded data without a visible loss are not certain', () => {
    const n = 300;
    const units = { policy: new Float64Array(n).fill(0.9), big: new Float64Array(n).fill(0.9), scale: 1 };
    // Without the atom the variance under the hypothesis would be that of identical values: p = 0.
    expect(gradedScoreTest(units, 0.98)).toBeGreaterThan(0.001);
  });
});

describe('betting e-value', () => {
  it('has expectation at most 1 under the hypothesis, by enumeration', () => {
    for (const floor of [0.9, 0.98]) {
      for (const [quality, gain] of [
        [1, 0],
        [0.8, 0],
        [0.8, 0.05],
      ] as const) {
        const loss = (1 - floor) * quality + gain;
        const n = 9;
        let expectation = 0;
        for (let lost = 0; lost <= n; lost += 1) {
          for (let kept = 0; kept <= n - lost; kept += 1) {
            for (let gained = 0; gained <= n - lost - kept; gained += 1) {
              const chance =
                binomialPmf(lost, n, loss) *
                binomialPmf(kept, n - lost, Math.min(1, (quality - loss) / (1 - loss))) *
                binomialPmf(gained, n - lost - kept, quality < 1 ? gain / (1 - quality) : 0);
              expectation += chance * eValue({ n, lost, kept, gained }, floor);
            }
          }
        }
        expect(expectation).toBeCloseTo(1, 9);
      }
    }
  });

  it('equals its graded form on 0/1 data, and falls as the floor rises', () => {
    fc.assert(
      fc.property(countsArbitrary, floorArbitrary, (counts, floor) => {
        const log = logEValue(counts, floor);
        expect(Math.abs(gradedLogEValue(unitsOf(counts), floor) - log)).toBeLessThan(1e-9 * Math.max(1, Math.abs(log)));
        expect(logEValue(counts, floor * 0.99)).toBeGreaterThanOrEqual(log);
      }),
      { numRuns: 200 },
    );
  });

  it('does not overflow on large samples', () => {
    expect(logEValue({ n: 1e6, lost: 0, kept: 1e6, gained: 0 }, 0.9)).toBeGreaterThan(1000);
    expect(logEValue({ n: 1e6, lost: 1e6, kept: 0, gained: 0 }, 0.9)).toBeLessThan(-1000);
  });
});

describe('Clopper-Pearson harm test', () => {
  it('is exactly the comparison of its two bounds', () => {
    const deltaPasses = (counts: { n: number; harmed: number; bigRight: number }, floor: number, delta: number) => {
      const upper = clopperPearson(counts.harmed, counts.n, 1 - 2 * 0.9 * delta).high;
      const right = clopperPearson(counts.bigRight, counts.n, 1 - 2 * 0.1 * delta).low;
      return upper <= (1 - floor) * right;
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 800 }), fc.nat(10), fc.nat(40), floorArbitrary, (n, harmed, wrong, floor) => {
        const counts = { n, harmed: Math.min(harmed, n), gained: 0, bigRight: Math.max(0, n - wrong) };
        const p = harmTest(counts, floor);
        if (p < 1e-6) {
          // The two-sided interval that serves as the oracle cannot tell such a level from 1.
          expect(deltaPasses(counts, floor, 1e-5)).toBe(true);
        } else if (p < 0.4) {
          expect(deltaPasses(counts, floor, p * 1.0001)).toBe(true);
          expect(deltaPasses(counts, floor, p * 0.9999)).toBe(false);
        } else {
          expect(deltaPasses(counts, floor, 0.3)).toBe(false);
        }
        for (const delta of [0.01, 0.05]) {
          const bound = harmLowerBound(counts, delta);
          if (bound > 0.001) expect(harmTest(counts, bound - 1e-6) <= delta && harmTest(counts, bound + 1e-6) > delta).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('never passes a floor of 1 or a frontier that is never right', () => {
    expect(harmTest({ n: 1000, harmed: 0, gained: 0, bigRight: 1000 }, 1)).toBe(1);
    expect(harmTest({ n: 1000, harmed: 0, gained: 0, bigRight: 0 }, 0.9)).toBe(1);
  });
});

describe('sequences', () => {
  it('stop at the first failure and deploy the one before', () => {
    expect(fixedSequence([0.01, 0.02, 0.5, 0.001], 0.04)).toEqual({ deployed: 1, examined: 2 });
    expect(fixedSequence([0.5, 0.001], 0.04)).toEqual({ deployed: -1, examined: 0 });
    expect(fixedSequence([0.01, 0.04], 0.04)).toEqual({ deployed: 1, examined: 1 });
    expect(fixedSequence([Number.NaN, 0], 0.04)).toEqual({ deployed: -1, examined: 0 });
  });

  it('of length 1 promised together are Holm’s procedure', () => {
    const byHand = (pValues: readonly number[], delta: number) => {
      const rejected = pValues.map(() => false);
      const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
      for (const [rank, i] of order.entries()) {
        if (pValues[i]! > delta / (pValues.length - rank)) break;
        rejected[i] = true;
      }
      return rejected;
    };
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 0.1, noNaN: true }), { maxLength: 8 }), (pValues) => {
        expect(holm(pValues, 0.05)).toEqual(byHand(pValues, 0.05));
      }),
    );
  });

  it('promised together start with equal shares and inherit those of finished ones', () => {
    const ends = jointFixedSequences([[0.01, 0.02], [0.03, 0.2], [0.9]], 0.06);
    // 0.02 each: the first finishes, so the others get 0.03 each and the second passes one point.
    expect(ends).toEqual([
      { deployed: 1, examined: 1 },
      { deployed: 0, examined: 1 },
      { deployed: -1, examined: 0 },
    ]);
  });
});

describe('error budget', () => {
  const base = { level: 0.95, floor: 0.98, bigRight: 850 } as const;
  it('is 0.8 α for the score test and α for the exact ones', () => {
    expect(errorBudget({ ...base, requested: 'score', used: 'score', look: null })).toBe(0.04);
    expect(errorBudget({ ...base, requested: 'evalue', used: 'evalue', look: null })).toBe(0.05);
    expect(errorBudget({ ...base, requested: 'clopper-pearson', used: 'clopper-pearson', look: null })).toBe(0.05);
    expect(errorBudget({ ...base, level: 0.99, requested: 'score', used: 'score', look: null })).toBe(0.008);
  });
  it('halves with every declared look, except for a requested e-value', () => {
    expect(errorBudget({ ...base, requested: 'score', used: 'score', look: 1 })).toBe(0.02);
    expect(errorBudget({ ...base, requested: 'score', used: 'score', look: 3 })).toBe(0.005);
    expect(errorBudget({ ...base, requested: 'clopper-pearson', used: 'clopper-pearson', look: 2 })).toBe(0.0125);
    expect(errorBudget({ ...base, requested: 'evalue', used: 'evalue', look: 5 })).toBe(0.05);
    expect(errorBudget({ ...base, requested: 'score', used: 'evalue', look: 2 })).toBe(0.0125);
  });
  it('is 0.8 α for every sample at 95 % and 99 % and floors from 0.95', () => {
    for (let bigRight = 0; bigRight <= 1500; bigRight += 7) {
      for (const floor of [0.95, 0.98, 0.99]) {
        for (const level of [0.95, 0.99]) {
          const delta = errorBudget({ floor, level, bigRight, requested: 'score', used: 'score', look: null });
          expect(delta).toBe(level === 0.95 ? 0.04 : 0.008);
        }
      }
    }
  });
  it('is lowered where a sample could pass more often than α', () => {
    const deltaOf = (level: number, floor: number, m: number) =>
      errorBudget({ level, floor, bigRight: m, requested: 'score', used: 'score', look: null });
    // 100 lossless pairs have p = 0.077, and a chance of 0.13 at the boundary.
    expect(scoreTest({ n: 100, lost: 0, kept: 100, gained: 0 }, 0.98)).toBeLessThan(0.08);
    expect(scoreTest({ n: 100, lost: 0, kept: 100, gained: 0 }, 0.98)).toBeGreaterThan(deltaOf(0.9, 0.98, 100));
    expect(deltaOf(0.95, 0.9, 28)).toBeLessThan(scoreTest({ n: 28, lost: 0, kept: 28, gained: 0 }, 0.9));
    expect(deltaOf(0.95, 0.9, 29)).toBe(0.04);
  });
});

describe('sample size', () => {
  const goal = { floor: 0.98, delta: 0.05 };
  const rates = (loss: number, gain: number): PairCounts => {
    return { n: 1e4, lost: 1e4 * loss, kept: 1e4 * (0.85 - loss), gained: 1e4 * gain };
  };
  it('reproduces published figures', () => {
    expect(
      [
        [0.01, 0.005],
        [0.015, 0.01],
        [0.02, 0.015],
        [0.03, 0.03],
        [0.02, 0.01],
        [0.03, 0.02],
      ].map(([l, g]) => pairsNeeded(rates(l!, g!), goal)),
    ).toEqual([636, 1057, 1477, 1259, 3722, 6195]);
    expect(pairsNeeded({ n: 10, lost: 0, kept: 10, gained: 0 }, goal)).toBe(149);
  });
  it('is null when the estimate is not above the floor', () => {
    expect(pairsNeeded(rates(0.03, 0), goal)).toBeNull();
    expect(harmUnitsNeeded({ harm: 0.02, bigRight: 0.9 }, goal)).toBeNull();
    expect(evalueUnitsNeeded({ z: Float64Array.of(-0.98, 0.02), weights: Float64Array.of(5, 95), n: 100 }, goal)).toBeNull();
  });
  it('is more than a sample that failed', () => {
    fc.assert(
      fc.property(countsArbitrary, (counts) => {
        const needed = pairsNeeded(counts, goal);
        if (needed !== null && scoreTest(counts, goal.floor) > goal.delta) expect(needed).toBeGreaterThan(counts.n);
      }),
    );
  });
  it('costs the e-value and the harm test more than the score test', () => {
    const sample = { z: Float64Array.of(-0.98, 0.02), weights: Float64Array.of(5, 845), n: 1000 };
    const score = pairsNeeded({ n: 1000, lost: 5, kept: 845, gained: 0 }, goal)!;
    const bets = evalueUnitsNeeded(sample, goal)!;
    expect(bets).toBeGreaterThan(score);
    expect(bets).toBeLessThan(6 * score);
    expect(harmUnitsNeeded({ harm: 0.005, bigRight: 0.85 }, goal)).toBeGreaterThan(score);
  });
});
