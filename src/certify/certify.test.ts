import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd, type Pair } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { type CertifyOptions, certify, eValue, harmTest, scoreTest } from './index.ts';

const standard: CertifyOptions = { floor: 0.98, level: 0.95, method: 'score' };

/** Pairs with the given small and big qualities; confidence and more by row. */
function pair(i: number, small: number, big: number, more: { confidence?: number; cluster?: string; costs?: [number, number] } = {}): Pair {
  const costs = more.costs ? { small: { cost: nanoUsd(more.costs[0]) }, big: { cost: nanoUsd(more.costs[1]) } } : { small: {}, big: {} };
  const confidence = more.confidence === undefined ? {} : { confidence: more.confidence };
  const cluster = more.cluster === undefined ? {} : { cluster: more.cluster };
  return { id: `r${i}`, small: { quality: small, ...confidence, ...costs.small }, big: { quality: big, ...costs.big }, ...cluster };
}

function many(n: number, row: (i: number) => Pair): Pair[] {
  return Array.from({ length: n }, (_, i) => row(i));
}

/** A task on which confidence is worth something: losses fall with it. */
function cascadeTask(n: number, seed = 1): Pair[] {
  const random = seededRandom(seed);
  return many(n, (i) => {
    const confidence = Math.round(random.next() * 1000) / 1000;
    const big = random.next() < 0.9 ? 1 : 0;
    const small = random.next() < 0.25 * (1 - confidence) ? 0 : big;
    return pair(i, small, big, { confidence, costs: [0.0001, 0.001] });
  });
}

describe('certify', () => {
  it('certifies a cascade, and every figure can be counted again from the pairs', () => {
    const pairs = cascadeTask(2000);
    const result = certify(pairs, standard);
    expect(result.verdict).toBe('cascade');
    const threshold = result.threshold!;
    const accepted = pairs.filter((p) => p.small.confidence! >= threshold);
    const lost = accepted.filter((p) => p.small.quality < p.big.quality).length;
    const right = pairs.filter((p) => p.big.quality === 1).length;
    expect(result.accepted).toBe(accepted.length / 2000);
    expect(result.counts).toEqual({ kept: right - lost, lost, gained: 0 });
    expect(result.retained).toBeCloseTo((right - lost) / right, 12);
    expect(result.retainedLowerBound).toBeGreaterThanOrEqual(0.98);
    expect(result.retainedLowerBound).toBeLessThan(result.retained!);
    expect(result.savings).toBeCloseTo(1 - (2000 * 0.0001 + (2000 - accepted.length) * 0.001) / 2, 9);
    expect({ reason: result.reason, delta: result.delta, look: result.look, needed: result.pairsNeeded }).toEqual({
      delta: 0.04,
      look: null,
      needed: null,
    });
    const deployed = result.grid.findIndex((point) => point.threshold === threshold);
    expect(result.grid.slice(0, deployed + 1).every((point) => point.p <= 0.04)).toBe(true);
    expect(result.grid[deployed + 1]!.p).toBeGreaterThan(0.04);
    const { kept } = result.counts;
    expect(result.grid[deployed]!.p).toBeCloseTo(scoreTest({ n: 2000, kept, lost, gained: 0 }, 0.98), 12);
  });

  it('takes its grid from the confidences alone: at most 40 distinct values, falling, the minimum last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0.1, 0.25, 0.5, 0.7, 0.71, 0.9, 1, undefined), { minLength: 1, maxLength: 120 }),
        fc.boolean(),
        (confidences, right) => {
          const pairs = confidences.map((confidence, i) => pair(i, right ? 1 : i % 2, 1, confidence === undefined ? {} : { confidence }));
          const { grid } = certify(pairs, standard);
          const known: number[] = confidences.filter((c) => c !== undefined);
          const thresholds = grid.map((point) => point.threshold);
          if (known.length === 0) {
            expect(thresholds).toEqual([0]);
            return;
          }
          expect(thresholds.length).toBeLessThanOrEqual(40);
          expect(thresholds).toEqual([...new Set(thresholds)].sort((a, b) => b - a));
          expect(thresholds.every((t) => known.includes(t))).toBe(true);
          expect(thresholds.at(-1)).toBe(Math.min(...known));
          for (const point of grid) {
            expect(point.accepted).toBe(known.filter((c) => c >= point.threshold).length / pairs.length);
            expect(point.p >= 0 && point.p <= 1).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has 40 thresholds where there are 40 distinct confidences or more', () => {
    expect(certify(cascadeTask(500), standard).grid).toHaveLength(40);
  });

  it('does not depend on the order of the file', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.constantFrom('score', 'evalue'), fc.boolean(), (seed, method, graded) => {
        const random = seededRandom(seed);
        const pairs = many(400, (i) => {
          const quality = () => (graded ? Math.round(random.next() * 4) / 4 : random.int(2));
          return pair(i, quality(), quality(), { confidence: random.int(20) / 20 });
        });
        const options = { ...standard, method, floor: 0.6 } as const;
        expect(certify(random.shuffle(pairs), options)).toEqual(certify(pairs, options));
      }),
      { numRuns: 25 },
    );
  });

  it('swaps when every row passes, and accepts rows without confidence when none has one', () => {
    const result = certify(
      many(500, (i) => pair(i, 1, 1)),
      standard,
    );
    expect(result).toMatchObject({
      verdict: 'swap',
      threshold: null,
      accepted: 1,
      retained: 1,
      savings: null,
      counts: { kept: 500, lost: 0, gained: 0 },
    });
    expect(result.grid.map((point) => [point.threshold, point.accepted])).toEqual([[0, 1]]);
  });

  it('is never a swap while some row has no confidence, because such rows are escalated', () => {
    const result = certify(
      many(500, (i) => pair(i, i < 400 ? 1 : 0, 1, i < 400 ? { confidence: 0.9 } : {})),
      standard,
    );
    expect(result).toMatchObject({ verdict: 'cascade', threshold: 0.9, accepted: 0.8, counts: { kept: 500, lost: 0, gained: 0 } });
    expect(result.notes).toEqual(['100 rows have no confidence and are always escalated.']);
  });

  it('says floor-missed where the upper bound is below the floor, and not-enough-evidence where it is not', () => {
    const missed = certify(
      many(500, (i) => pair(i, i % 10 === 0 ? 0 : 1, 1)),
      standard,
    );
    expect(missed).toMatchObject({
      verdict: 'frontier',
      reason: 'floor-missed',
      threshold: null,
      accepted: 0,
      retained: 0.9,
      pairsNeeded: null,
    });
    for (const method of ['evalue', 'clopper-pearson'] as const) {
      expect(
        certify(
          many(500, (i) => pair(i, i % 10 === 0 ? 0 : 1, 1)),
          { ...standard, method },
        ).reason,
      ).toBe('floor-missed');
    }
    const few = certify(
      many(100, (i) => pair(i, 1, 1)),
      standard,
    );
    expect(few).toMatchObject({ verdict: 'frontier', reason: 'not-enough-evidence', retained: 1, pairsNeeded: 60 });
    const hopeless = certify(
      many(100, (i) => pair(i, i % 40 === 0 ? 0 : 1, 1)),
      standard,
    );
    expect(hopeless).toMatchObject({ verdict: 'frontier', reason: 'not-enough-evidence', pairsNeeded: null });
  });

  it('says not-worth-it where the policy passes but costs no less', () => {
    const result = certify(
      many(500, (i) => pair(i, 1, 1, { confidence: i % 2 ? 0.9 : 0.1, costs: [0.001, 0.001] })),
      standard,
    );
    expect(result).toMatchObject({
      verdict: 'frontier',
      reason: 'not-worth-it',
      threshold: null,
      accepted: 0,
      savings: 0,
      pairsNeeded: null,
    });
    const oneUnknown = many(500, (i) => pair(i, 1, 1, i === 7 ? {} : { costs: [0.001, 0.001] }));
    expect(certify(oneUnknown, standard)).toMatchObject({ verdict: 'swap', savings: null });
  });

  it('does not pay the frontier on a swap', () => {
    const result = certify(
      many(500, (i) => pair(i, 1, 1, { costs: [0.0001, 0.001] })),
      standard,
    );
    expect(result.savings).toBeCloseTo(0.9, 12);
  });

  it('gives null for what cannot be known when the frontier got nothing right', () => {
    const nothing = certify(
      many(200, (i) => pair(i, 0, 0, { confidence: 0.5 })),
      standard,
    );
    expect(nothing).toMatchObject({
      verdict: 'frontier',
      reason: 'not-enough-evidence',
      retained: null,
      retainedLowerBound: null,
      pairsNeeded: null,
    });
    const gains = certify(
      many(200, (i) => pair(i, 1, 0)),
      standard,
    );
    expect(gains).toMatchObject({ verdict: 'swap', retained: null, retainedLowerBound: null, counts: { kept: 0, lost: 0, gained: 200 } });
  });

  it('lets gains carry the bound above 1', () => {
    const result = certify(
      many(1000, (i) => pair(i, 1, i % 10 === 0 ? 0 : 1)),
      standard,
    );
    expect(result.retained).toBeCloseTo(10 / 9, 12);
    expect(result.retainedLowerBound).toBeGreaterThan(1.05);
  });

  it('answers for single rows, equal confidences, a floor of 1 and confidences of 0 and 1', () => {
    expect(certify([pair(0, 1, 1)], standard)).toMatchObject({ n: 1, verdict: 'frontier', reason: 'not-enough-evidence' });
    expect(certify([pair(0, 0, 1, { confidence: 1 })], standard)).toMatchObject({
      verdict: 'frontier',
      retained: 0,
      retainedLowerBound: 0,
    });
    const equal = certify(
      many(500, (i) => pair(i, 1, 1, { confidence: 0 })),
      standard,
    );
    expect(equal).toMatchObject({ verdict: 'swap', grid: [{ threshold: 0, accepted: 1 }] });
    const one = { ...standard, floor: 1 };
    expect(
      certify(
        many(500, (i) => pair(i, 1, 1)),
        one,
      ),
    ).toMatchObject({ verdict: 'frontier', reason: 'not-enough-evidence', pairsNeeded: null });
    expect(
      certify(
        many(500, (i) => pair(i, 1, i % 20 ? 1 : 0)),
        one,
      ).verdict,
    ).toBe('swap');
  });
});

describe('methods of certify', () => {
  it('the lower bound is where its own test passes at δ', () => {
    const pairs = many(800, (i) => pair(i, i % 100 === 0 ? 0 : 1, i % 7 === 1 ? 0 : 1));
    for (const method of ['score', 'evalue', 'clopper-pearson'] as const) {
      const result = certify(pairs, { ...standard, floor: 0.9, method });
      const { kept, lost, gained } = result.counts;
      const bigRight = kept + lost;
      const pAt = (floor: number) => {
        if (method === 'score') return scoreTest({ n: 800, kept, lost, gained }, floor);
        if (method === 'evalue') return Math.min(1, 1 / eValue({ n: 800, kept, lost, gained }, floor));
        return harmTest({ n: 800, harmed: lost, gained, bigRight }, floor);
      };
      expect(result.verdict).toBe('swap');
      expect(pAt(result.retainedLowerBound! - 1e-6)).toBeLessThanOrEqual(result.delta);
      expect(pAt(result.retainedLowerBound! + 1e-6)).toBeGreaterThan(result.delta);
    }
  });

  it('graded pairs use the score test from 300 on and the e-value below, and the result says so', () => {
    const graded = (n: number) => many(n, (i) => pair(i, i % 3 ? 0.8 : 0.75, 0.8, { confidence: (i % 50) / 50 }));
    const few = certify(graded(299), standard);
    expect(few).toMatchObject({ method: 'evalue', requestedMethod: 'score', delta: 0.05, n: 299 });
    expect(few.notes[0]).toContain('The score test needs 300 graded pairs and there are 299');
    expect(certify(graded(300), standard)).toMatchObject({ method: 'score', requestedMethod: 'score', delta: 0.04, notes: [] });
  });

  it('an e-value that stands in for a declared look spends that look’s share', () => {
    const graded = many(100, (i) => pair(i, 0.8, 0.8));
    expect(certify(graded, { ...standard, look: 2 })).toMatchObject({ method: 'evalue', look: 2, delta: 0.0125 });
    expect(certify(graded, { ...standard, method: 'evalue', look: 2 })).toMatchObject({ look: 2, delta: 0.05 });
  });

  it('a declared look is stricter, and asks for the next look’s pairs', () => {
    const pairs = many(170, (i) => pair(i, 1, 1));
    expect(certify(pairs, standard).verdict).toBe('swap');
    const looked = certify(pairs, { ...standard, look: 1 });
    expect(looked).toMatchObject({ verdict: 'frontier', reason: 'not-enough-evidence', delta: 0.02, look: 1 });
    const grown = many(170 + looked.pairsNeeded!, (i) => pair(i, 1, 1));
    expect(certify(grown, { ...standard, look: 2 }).verdict).toBe('swap');
  });

  it('repeating every row in a cluster adds no evidence', () => {
    const single = many(140, (i) => pair(i, 1, 1));
    const repeated = many(140 * 6, (i) => pair(i, 1, 1, { cluster: `c${i % 140}` }));
    expect(
      certify(
        many(840, (i) => pair(i, 1, 1)),
        standard,
      ).verdict,
    ).toBe('swap');
    for (const method of ['score', 'evalue', 'clopper-pearson'] as const) {
      const result = certify(repeated, { ...standard, method });
      expect(result).toMatchObject({ n: 140, pairs: 840, verdict: 'frontier', reason: 'not-enough-evidence' });
      if (method === 'score') continue;
      expect(result.grid[0]!.p).toBeCloseTo(certify(single, { ...standard, method }).grid[0]!.p, 9);
    }
  });

  it('clusters from 300 on are summed for the score test; of one row each they change nothing', () => {
    const random = seededRandom(4);
    const rows = many(400, (i) => pair(i, random.next() < 0.01 ? 0 : 1, 1, { confidence: random.next() }));
    const named = rows.map((row, i) => ({ ...row, cluster: `c${i}` }));
    expect(certify(named, standard)).toEqual(certify(rows, standard));
    const doubled = [...named, ...named.map((row) => ({ ...row, id: `${row.id}b` }))];
    const clustered = certify(doubled, standard);
    expect(clustered).toMatchObject({ n: 400, pairs: 800, method: 'score' });
    const swapP = (result: { grid: readonly { p: number }[] }) => result.grid.at(-1)!.p;
    expect(swapP(clustered)).toBeCloseTo(swapP(certify(rows, standard)), 6);
  });

  it('any harm in a cluster counts once for Clopper-Pearson, and a cluster is right only when every row is', () => {
    const rows = many(1200, (i) => pair(i, i % 300 === 0 ? 0 : 1, i % 400 === 1 ? 0 : 1, { cluster: `c${i >> 1}` }));
    const result = certify(rows, { ...standard, method: 'clopper-pearson' });
    expect(result.grid[0]!.p).toBe(harmTest({ n: 600, harmed: 4, gained: 3, bigRight: 597 }, 0.98));
  });
});

describe('what certify refuses', () => {
  const refusal = (pairs: readonly Pair[], options: Partial<CertifyOptions> = {}) => {
    try {
      certify(pairs, { ...standard, ...options });
    } catch (error) {
      return (error as { code: string; message: string }).code;
    }
    return null;
  };
  it('no pairs, duplicates, values out of range, graded quality with Clopper-Pearson', () => {
    expect(refusal([])).toBe('INPUT_INVALID');
    expect(refusal([pair(1, 1, 1), pair(1, 0, 1)])).toBe('INPUT_INVALID');
    for (const bad of [Number.NaN, -0.1, 1.1, Number.POSITIVE_INFINITY]) {
      expect([refusal([pair(1, bad, 1)]), refusal([pair(1, 1, bad)]), refusal([pair(1, 1, 1, { confidence: bad })])]).toEqual(
        Array(3).fill('INPUT_INVALID'),
      );
    }
    expect(refusal([pair(1, 0.5, 1)], { method: 'clopper-pearson' })).toBe('INPUT_INVALID');
  });
  it('floors, levels and looks that mean nothing', () => {
    const one = [pair(1, 1, 1)];
    expect([
      refusal(one, { floor: 0 }),
      refusal(one, { floor: 1.01 }),
      refusal(one, { level: 1 }),
      refusal(one, { look: 0 }),
      refusal(one, { look: 1.5 }),
    ]).toEqual(Array(5).fill('USAGE'));
  });
  it('keeps money whole: costs are nano-dollars', () => {
    const cost = 1 as NanoUsd;
    const tiny = many(500, (i) => ({ id: String(i), small: { quality: 1, cost }, big: { quality: 1, cost: 4 as NanoUsd } }));
    expect(certify(tiny, standard).savings).toBe(0.75);
  });
});
