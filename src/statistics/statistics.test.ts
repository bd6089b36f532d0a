import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as statistics from './index.ts';

type Rows = readonly (readonly number[])[];
const fixture = JSON.parse(readFileSync(new URL('../../test/fixtures/statistics/scipy.json', import.meta.url), 'utf8')) as Record<
  string,
  Rows
>;

function rowsOf(name: string): Rows {
  const rows = fixture[name];
  if (!rows || rows.length === 0) throw new Error(`no fixture ${name}`);
  return rows;
}

/** Relative error, or the absolute one where the true value is 0. */
function errorOf(actual: number, expected: number): number {
  return Math.abs(actual - expected) / (expected === 0 ? 1 : Math.abs(expected));
}

describe('special functions against scipy', () => {
  const { normalCdf, normalQuantile, logGamma, regularizedBeta, betaQuantile, binomialPmf, binomialCdf, mcnemarExact } = statistics;
  const scalars = { normalCdf, normalQuantile, logGamma, regularizedBeta, betaQuantile, binomialPmf, binomialCdf, mcnemarExact };
  for (const [name, scalar] of Object.entries(scalars)) {
    it(`${name} agrees to 1e-9 relative`, () => {
      const f = scalar as (...values: readonly number[]) => number;
      const wrong = rowsOf(name)
        .map((row) => ({ row, actual: f(...row.slice(0, -1)) }))
        .filter(({ row, actual }) => !(errorOf(actual, row.at(-1)!) <= 1e-9));
      expect(wrong).toEqual([]);
    });
  }
  for (const [name, interval] of Object.entries({ clopperPearson: statistics.clopperPearson, wilson: statistics.wilson })) {
    it(`${name} agrees to 1e-9 relative at both ends`, () => {
      const wrong = rowsOf(name)
        .map((row) => ({ row, actual: interval(row[0]!, row[1]!, row[2]!) }))
        .filter(({ row, actual }) => !(errorOf(actual.low, row[3]!) <= 1e-9 && errorOf(actual.high, row[4]!) <= 1e-9));
      expect(wrong).toEqual([]);
    });
  }
  it('quantileSorted interpolates as numpy does', () => {
    const sorted = [0.1, 0.4, 0.45, 1, 7.5];
    for (const [q, value] of rowsOf('quantileSorted')) expect(statistics.quantileSorted(sorted, q!)).toBeCloseTo(value!, 14);
  });
});

describe('edges of the domain', () => {
  it('answers at the ends of a range and NaN outside it', () => {
    expect(statistics.normalQuantile(0)).toBe(-Infinity);
    expect(statistics.normalQuantile(1)).toBe(Infinity);
    expect(statistics.normalQuantile(1.1)).toBeNaN();
    expect(statistics.normalCdf(Infinity)).toBe(1);
    expect(statistics.normalCdf(-Infinity)).toBe(0);
    expect(statistics.regularizedBeta(0, 2, 3)).toBe(0);
    expect(statistics.regularizedBeta(1, 2, 3)).toBe(1);
    expect(statistics.regularizedBeta(0.5, 0, 3)).toBeNaN();
    expect(statistics.betaQuantile(-0.1, 2, 3)).toBeNaN();
    expect([statistics.betaQuantile(0, 2, 3), statistics.betaQuantile(1, 2, 3)]).toEqual([0, 1]);
    expect([statistics.binomialPmf(-1, 5, 0.5), statistics.binomialPmf(6, 5, 0.5), statistics.binomialPmf(0, 0, 0.5)]).toEqual([0, 0, 1]);
    expect([statistics.binomialPmf(0, 5, 0), statistics.binomialPmf(5, 5, 1), statistics.binomialPmf(1, 5, 0)]).toEqual([1, 1, 0]);
    expect(statistics.mcnemarExact(0, 0)).toBe(1);
    expect(statistics.clopperPearson(0, 0, 0.95)).toEqual({ low: 0, high: 1 });
    expect(statistics.wilson(0, 0, 0.95)).toEqual({ low: 0, high: 1 });
    expect(statistics.quantileSorted([], 0.5)).toBeNaN();
  });

  it('logSumExp neither overflows nor loses a lone term', () => {
    expect(statistics.logSumExp([1000, 1000])).toBeCloseTo(1000 + Math.LN2, 12);
    expect(statistics.logSumExp([-2000])).toBe(-2000);
    expect(statistics.logSumExp([])).toBe(-Infinity);
    expect(statistics.logSumExp([-Infinity, 0])).toBe(0);
  });
});

describe('identities that hold everywhere', () => {
  it('the binomial probabilities sum to the distribution function', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0.001, max: 0.999, noNaN: true }), fc.nat(300), (n, p, k) => {
        let sum = 0;
        for (let i = 0; i <= Math.min(k, n); i += 1) sum += statistics.binomialPmf(i, n, p);
        expect(Math.abs(sum - statistics.binomialCdf(k, n, p))).toBeLessThan(1e-11);
      }),
      { numRuns: 100 },
    );
  });
  it('quantile functions invert their distribution functions', () => {
    const unit = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true });
    const shape = fc.double({ min: 0.3, max: 3000, noNaN: true });
    fc.assert(
      fc.property(unit, shape, shape, (p, a, b) => {
        expect(Math.abs(statistics.normalCdf(statistics.normalQuantile(p)) - p)).toBeLessThan(1e-12);
        // With a shape far below 1 the quantile of a probability near 1 is closer to 1 than doubles can tell.
        const x = statistics.betaQuantile(p, a, b);
        if (1 - x > 1e-6) expect(Math.abs(statistics.regularizedBeta(x, a, b) - p)).toBeLessThan(1e-8);
      }),
      { numRuns: 200 },
    );
  });
});

describe('seededRandom', () => {
  it('repeats itself for a seed and differs between seeds, also past 2^32 and below 0', () => {
    const first = (seed: number) => Array.from({ length: 4 }, statistics.seededRandom(seed).next);
    expect(first(7)).toEqual(first(7));
    const starts = [0, 1, 2, -1, 2 ** 32, 2 ** 33].map((seed) => first(seed)[0]);
    expect(new Set(starts).size).toBe(starts.length);
  });
  it('draws whole numbers, normals and orders with the right moments', () => {
    const random = statistics.seededRandom(1);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i += 1) counts[random.int(6)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 40_000; i += 1) {
      const z = random.normal();
      sum += z;
      squares += z * z;
    }
    expect(Math.abs(sum / 40_000)).toBeLessThan(0.02);
    expect(Math.abs(squares / 40_000 - 1)).toBeLessThan(0.03);
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = random.shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});

describe('pairedBootstrap', () => {
  it('gives the same interval for a seed, near the normal one for a mean', () => {
    const random = statistics.seededRandom(3);
    const values = Array.from({ length: 400 }, () => random.normal());
    const mean = (indices: Int32Array) => indices.reduce((sum, i) => sum + values[i]!, 0) / indices.length;
    const options = { resamples: 1000, level: 0.95, seed: 5 };
    const interval = statistics.pairedBootstrap(values.length, mean, options);
    expect(statistics.pairedBootstrap(values.length, mean, options)).toEqual(interval);
    expect(Math.abs(interval.high - interval.low - 2 * 1.96 * 0.05)).toBeLessThan(0.03);
  });
  it('is not a number when the statistic never is one', () => {
    const none = statistics.pairedBootstrap(5, () => Number.NaN, { resamples: 10, level: 0.9, seed: 1 });
    expect(none).toEqual({ low: Number.NaN, high: Number.NaN });
  });
});
