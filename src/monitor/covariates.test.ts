import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { CovariateGuard, type CovariateObservation, equalMassCuts, kolmogorovSmirnov, psi } from './index.ts';

describe('psi', () => {
  it('is Σ (a − e)·ln(a/e) over shares', () => {
    expect(psi([50, 50], [500, 500])).toBe(0);
    expect(psi([50, 50], [80, 20])).toBeCloseTo(0.3 * Math.log(1.6) + -0.3 * Math.log(0.4), 12);
    expect(psi([0, 100], [50, 50])).toBeGreaterThan(1);
    expect(psi([0], [1])).toBe(Number.NaN);
    expect(() => psi([1], [1, 2])).toThrow(RangeError);
  });

  it('is symmetric and never negative', () => {
    const counts = fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }).filter((list) => list.some((count) => count > 0));
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        expect(psi(a, b)).toBeCloseTo(psi(b, a), 9);
        expect(psi(a, b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('equalMassCuts', () => {
  it('parts a sample into bins of equal mass, and values that are often equal share one', () => {
    expect(equalMassCuts([1, 2, 3, 4, 5, 6, 7, 8], 4)).toEqual([3, 5, 7]);
    expect(equalMassCuts([1, 1, 1, 1, 1, 1, 2, 3], 4)).toEqual([2]);
    expect(equalMassCuts([1, 1], 4)).toEqual([]);
  });
});

describe('kolmogorovSmirnov', () => {
  it('finds the largest distance, ties on both sides included', () => {
    expect(kolmogorovSmirnov([1, 2, 3, 4], [1, 2, 3, 4])).toEqual({ distance: 0, p: 1 });
    expect(kolmogorovSmirnov([1, 1, 2, 2], [2, 2, 3, 3]).distance).toBe(0.5);
    expect(kolmogorovSmirnov([], [1]).distance).toBe(Number.NaN);
  });

  it("has the tail of Kolmogorov's distribution: 1.3581 is its 95 % point, 1.6276 its 99 % point", () => {
    const at = (lambda: number) => {
      // Two samples of n and a shift by k places have distance k/n.
      const n = 20_000;
      const root = Math.sqrt(n / 2);
      const k = Math.round((lambda / (root + 0.12 + 0.11 / root)) * n);
      return kolmogorovSmirnov(
        Array.from({ length: n }, (_none, i) => i),
        Array.from({ length: n }, (_none, i) => i + k),
      ).p;
    };
    expect(at(1.3581)).toBeCloseTo(0.05, 2);
    expect(at(1.6276)).toBeCloseTo(0.01, 2);
    expect(at(0.8276)).toBeCloseTo(0.5, 2);
  });

  it('is about uniform in p for samples of one population', () => {
    const random = seededRandom(2);
    const sample = () => Array.from({ length: 100 }, () => random.normal()).sort((a, b) => a - b);
    const below = Array.from({ length: 1_000 }, () => kolmogorovSmirnov(sample(), sample()).p).filter((p) => p <= 0.05).length;
    expect(below).toBeGreaterThan(20);
    expect(below).toBeLessThanOrEqual(70);
  });
});

describe('the covariate guard', () => {
  const random = seededRandom(4);
  const usual = (): CovariateObservation => ({
    confidence: random.next() ** 0.2,
    length: Math.round(200 * Math.exp(random.normal())),
    category: random.next() < 0.6 ? 'billing' : random.next() < 0.5 ? 'refund' : 'other',
  });
  const reference = Array.from({ length: 600 }, usual);

  it('says nothing of 20,000 requests like those of the certificate', () => {
    const guard = new CovariateGuard(reference);
    expect(Array.from({ length: 20_000 }, () => guard.add(usual())).flat()).toEqual([]);
    expect(guard.shifts.map(({ covariate }) => covariate)).toEqual(['confidence', 'length', 'category']);
    for (const shift of guard.shifts) expect(shift.psi).toBeLessThan(0.1);
  });

  it('warns once of each covariate that changes, and again when it changes after it was well', () => {
    const guard = new CovariateGuard(reference);
    const fold = (count: number, observation: () => CovariateObservation) =>
      Array.from({ length: count }, () => guard.add(observation()))
        .flat()
        .map(({ covariate }) => covariate);
    expect(fold(1_000, usual)).toEqual([]);
    const longer = () => ({ ...usual(), length: Math.round(600 * Math.exp(random.normal())) });
    expect(fold(2_000, longer)).toEqual(['length']);
    expect(guard.shifts.find(({ covariate }) => covariate === 'length')).toEqual({
      covariate: 'length',
      psi: expect.closeTo(1, 0),
      ks: { distance: expect.closeTo(0.41, 1), p: expect.closeTo(0, 6) },
      warned: true,
    });
    expect(fold(1_500, usual)).toEqual([]);
    expect(fold(1_000, () => ({ ...usual(), category: 'new kind' }))).toEqual(['category']);
  });

  it('learns from the first live requests what the certificate does not tell', () => {
    const guard = new CovariateGuard([]);
    for (let i = 0; i < 1_000; i += 1) guard.add({ ...usual(), category: null });
    expect(guard.shifts).toEqual([]);
    const warned = Array.from({ length: 1_000 }, () => guard.add({ ...usual(), confidence: 0.5, category: null })).flat();
    expect(warned.map(({ covariate }) => covariate)).toEqual(['confidence']);
  });

  it('does not repeat a warning that is on record', () => {
    const guard = new CovariateGuard(reference);
    guard.warnedOf('confidence');
    expect(Array.from({ length: 2_000 }, () => guard.add({ ...usual(), confidence: 0.1 })).flat()).toEqual([]);
  });
});
