import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NanoUsd } from '../core/index.ts';
import { estimateShadow, type ShadowPlan } from './shadow-estimate.ts';

const usd = (amount: number) => Math.round(amount * 1e9) as NanoUsd;

const plan: ShadowPlan = {
  floor: { retain: 0.98, level: 0.95 },
  requestsPerDay: 10_000,
  share: 0.1,
  costPerPair: usd(0.001),
  costPerRequest: usd(0.001),
  perDay: null,
  left: null,
  certify: 0,
  nextLook: 500,
  k: 1,
  retained: null,
};

describe('the estimate of shadow calls', () => {
  it('says pairs, dollars and days to the next look and to a likely pass', () => {
    expect(estimateShadow(plan)).toEqual({
      pairsPerDay: 1_000,
      costPerDay: usd(1),
      limitedBy: null,
      pairsToLook: 834,
      daysToLook: 0.834,
      pairsToPass: 3_334,
      basis: 'half of the allowed losses',
      daysToPass: 3.334,
      costToPass: usd(3.334),
    });
  });

  it('keeps to a daily limit, which all candidates share', () => {
    const two = estimateShadow({ ...plan, costPerRequest: usd(0.004), perDay: usd(2) });
    expect(two).toMatchObject({ pairsPerDay: 500, costPerDay: usd(0.5), limitedBy: 'day', daysToLook: 834 / 500 });
  });

  it('says that an end never comes: money gone, too little left, no traffic, or no price to hold against a limit', () => {
    const never = { daysToLook: null, daysToPass: null };
    expect(estimateShadow({ ...plan, left: usd(0.0005) })).toMatchObject({ limitedBy: 'total', pairsPerDay: 0, ...never });
    expect(estimateShadow({ ...plan, left: usd(1) })).toMatchObject({ limitedBy: null, daysToLook: 0.834, daysToPass: null });
    expect(estimateShadow({ ...plan, requestsPerDay: 0 })).toMatchObject(never);
    expect(estimateShadow({ ...plan, costPerPair: null, costPerRequest: null, perDay: usd(1) })).toMatchObject({
      limitedBy: 'unpriced',
      costPerDay: null,
      ...never,
    });
  });

  it('goes by what the last look found, and does not help a candidate that misses the floor', () => {
    const after = { ...plan, certify: 520, nextLook: 1_000, k: 2 };
    expect(estimateShadow({ ...after, retained: 0.999 })).toMatchObject({ pairsToLook: 800, pairsToPass: 800, basis: 'last look' });
    expect(estimateShadow({ ...after, retained: 0.986 })).toMatchObject({ pairsToLook: 800, pairsToPass: 12_467 });
    expect(estimateShadow({ ...after, retained: 0.97 })).toMatchObject({ pairsToPass: null, daysToPass: null, costToPass: null });
  });

  it('never comes later with more traffic, a larger share or a lower floor', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (requestsPerDay, share) => {
        const days = (changes: Partial<ShadowPlan>) => estimateShadow({ ...plan, requestsPerDay, share, ...changes }).daysToPass!;
        expect(days({ requestsPerDay: requestsPerDay * 2 })).toBeLessThanOrEqual(days({}));
        expect(days({ share: Math.min(1, share * 2) })).toBeLessThanOrEqual(days({}));
        expect(days({ floor: { retain: 0.95, level: 0.95 } })).toBeLessThanOrEqual(days({}));
      }),
    );
  });
});
