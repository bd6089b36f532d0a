import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { aurc, auroc, aurocHarm, brier, coverageAt, eAurc, ece, reliabilityBins, riskCoverage } from './reliability.ts';
import { reliabilityReport } from './report.ts';

// Few distinct values, so that ties are the rule.
const rows = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 5 }).map((x) => x / 5),
    fc.constantFrom(0, 1),
  ),
  { minLength: 1, maxLength: 40 },
);
const columns = (list: readonly (readonly [number, number])[]) => [list.map(([x]) => x), list.map(([, y]) => y)] as const;
const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;

describe('reliability measures', () => {
  it('do not depend on the order of the rows, tied or not', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (list, seed) => {
        const shuffled = seededRandom(seed).shuffle(list);
        const [a, b] = [reliabilityReport(...columns(list)), reliabilityReport(...columns(shuffled))];
        for (const name of ['ece', 'brier', 'auroc', 'aurc', 'eAurc', 'coverage95', 'coverage98'] as const) {
          if (a[name] === null) expect(b[name]).toBe(null);
          else expect(b[name]).toBeCloseTo(a[name], 12);
        }
      }),
    );
  });

  it('are null where the rows cannot give them', () => {
    expect(reliabilityReport([], [])).toEqual({
      n: 0,
      accuracy: null,
      meanConfidence: null,
      ece: null,
      brier: null,
      auroc: null,
      aurc: null,
      eAurc: null,
      coverage95: 0,
      coverage98: 0,
      bins: [],
    });
    expect(auroc([0.1, 0.9], [1, 1])).toBe(null);
  });

  it('refuse rows that make no sense', () => {
    expect(() => ece([0.5], [])).toThrow('1 values have 0 outcomes');
    expect(() => brier([Number.NaN], [1])).toThrow('value 1 is not a finite number');
    expect(() => aurc([0.5], [1.5])).toThrow('outcome 1 does not lie between 0 and 1');
  });

  it('take 100,000 rows without trouble', () => {
    const random = seededRandom(3);
    const p = Array.from({ length: 100_000 }, () => random.next());
    const report = reliabilityReport(
      p,
      p.map((x) => (random.next() < x ? 1 : 0)),
    );
    expect(report.ece).toBeLessThan(0.01);
    expect(report.auroc).toBeCloseTo(5 / 6, 2);
    expect(report.brier).toBeCloseTo(1 / 6, 2);
  });
});

describe('ece', () => {
  it('is the mean gap between accuracy and confidence over bins of equal mass', () => {
    // Two bins: .1 .2 with accuracy 0.5, .8 .9 with accuracy 1.
    expect(ece([0.9, 0.1, 0.8, 0.2], [1, 0, 1, 1], 2)).toBeCloseTo((0.35 + 0.15) / 2, 12);
  });

  it('with a bin for each row is the mean absolute error', () => {
    expect(ece([0.9, 0.4], [1, 1], 15)).toBeCloseTo(0.35, 12);
  });

  it('is the overall gap when all confidences are equal, whatever the order', () => {
    expect(ece([0.7, 0.7, 0.7, 0.7], [1, 1, 0, 0], 3)).toBeCloseTo(0.2, 12);
  });
});

describe('reliabilityBins', () => {
  it('hold every row once, in sizes that differ by at most one', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 20 }), (list, count) => {
        const [p, y] = columns(list);
        const bins = reliabilityBins(p, y, count);
        const sizes = bins.map((bin) => bin.count);
        expect(bins.length).toBe(Math.min(count, list.length));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(bins.reduce((sum, bin) => sum + bin.count * bin.accuracy, 0)).toBeCloseTo(
          y.reduce((a, b) => a + b, 0),
          9,
        );
        expect(bins.reduce((sum, bin) => sum + bin.count * bin.confidence, 0)).toBeCloseTo(
          p.reduce((a, b) => a + b, 0),
          9,
        );
        for (const bin of bins) {
          expect(bin.interval.low).toBeLessThanOrEqual(bin.accuracy + 1e-9);
          expect(bin.interval.high).toBeGreaterThanOrEqual(bin.accuracy - 1e-9);
        }
      }),
    );
  });
});

describe('brier', () => {
  it('is the mean squared error of the probability', () => {
    expect(brier([0.9, 0.4], [1, 1])).toBeCloseTo((0.01 + 0.36) / 2, 12);
  });
});

describe('auroc', () => {
  it('is the share of right–wrong pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const pairs: number[] = [];
        for (const [a, right] of list)
          for (const [b, wrong] of list) if (right === 1 && wrong === 0) pairs.push(a > b ? 1 : a === b ? 0.5 : 0);
        const value = auroc(...columns(list));
        if (pairs.length === 0) expect(value).toBe(null);
        else expect(value).toBeCloseTo(mean(pairs), 12);
      }),
    );
  });

  it('for harm asks only whether low confidence finds what the big model would save', () => {
    // Row 1 is wrong on both sides: its low confidence is no credit.
    expect(aurocHarm([0.1, 0.2, 0.9, 0.8], [0, 0, 1, 1], [0, 1, 1, 0])).toBeCloseTo(2 / 3, 12);
    expect(aurocHarm([0.1, 0.9], [1, 1], [1, 0])).toBe(null);
  });
});

describe('the risk–coverage curve', () => {
  it('accepts tied rows together, from the safest to all', () => {
    expect(riskCoverage([0.9, 0.9, 0.5, 0.1], [1, 0, 1, 0])).toEqual([
      { threshold: 0.9, coverage: 0.5, risk: 0.5 },
      { threshold: 0.5, coverage: 0.75, risk: 1 / 3 },
      { threshold: 0.1, coverage: 1, risk: 0.5 },
    ]);
  });

  it('has as its area the mean risk over k, averaged over every order of tied rows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 1)), { minLength: 1, maxLength: 6 }), (list) => {
        const areas: number[] = [];
        for (const order of permutations(list)) {
          if (order.some(([x], i) => i > 0 && x > order[i - 1]![0])) continue;
          areas.push(mean(order.map((_, i) => mean(order.slice(0, i + 1).map(([, y]) => 1 - y)))));
        }
        expect(aurc(...columns(list))).toBeCloseTo(mean(areas), 12);
      }),
    );
  });

  it('leaves no excess area to a perfect order, and never a negative one', () => {
    expect(eAurc([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])).toBe(0);
    expect(eAurc([0.1, 0.9], [1, 0])).toBeCloseTo(0.75 - 0.25, 12);
    fc.assert(fc.property(rows, (list) => eAurc(...columns(list))! >= 0));
  });
});

describe('coverageAt', () => {
  it('is the largest share that keeps the accuracy, and its threshold', () => {
    // The top row is wrong, yet accepting more brings the accuracy back.
    expect(coverageAt([0.9, 0.8, 0.7, 0.6, 0.1], [0, 1, 1, 1, 0], 0.75)).toEqual({ coverage: 0.8, threshold: 0.6 });
    expect(coverageAt([0.9, 0.1], [0, 0], 0.5)).toEqual({ coverage: 0, threshold: null });
  });

  it('never accepts more than a brute-force search over thresholds finds', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(0.5, 0.8, 0.95), (list, accuracy) => {
        let best = 0;
        for (const [threshold] of list) {
          const kept = list.filter(([x]) => x >= threshold);
          if (kept.filter(([, y]) => y === 1).length >= accuracy * kept.length - 1e-9) best = Math.max(best, kept.length / list.length);
        }
        expect(coverageAt(...columns(list), accuracy).coverage).toBeCloseTo(best, 12);
      }),
    );
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]));
}
