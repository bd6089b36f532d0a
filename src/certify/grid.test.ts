import { describe, expect, it } from 'vitest';
import type { Pair } from '../core/index.ts';
import { certify } from './certify.ts';

/** Pairs that are right on both sides, with confidences 0.00, 0.01, … */
function rightPairs(n: number): Pair[] {
  return Array.from({ length: n }, (_, i) => ({ id: String(i), small: { quality: 1, confidence: (i % 100) / 100 }, big: { quality: 1 } }));
}
const options = { floor: 0.98, level: 0.95, method: 'score' } as const;

describe('a grid that was fixed beforehand', () => {
  it('is walked from its highest threshold, duplicates once', () => {
    expect(certify(rightPairs(500), { ...options, grid: [0.2, 0.9, 0.5, 0.9] }).grid.map((point) => point.threshold)).toEqual([
      0.9, 0.5, 0.2,
    ]);
  });

  it('ends in a swap only where its lowest threshold accepts every pair', () => {
    const whole = certify(rightPairs(500), { ...options, grid: [0.5, 0] });
    expect({ verdict: whole.verdict, threshold: whole.threshold, accepted: whole.accepted }).toEqual({
      verdict: 'swap',
      threshold: null,
      accepted: 1,
    });
    const part = certify(rightPairs(500), { ...options, grid: [0.5, 0.2] });
    expect({ verdict: part.verdict, threshold: part.threshold, accepted: part.accepted }).toEqual({
      verdict: 'cascade',
      threshold: 0.2,
      accepted: 0.8,
    });
  });

  it('is not worth it where it accepts nothing', () => {
    const nothing = certify(rightPairs(500), { ...options, grid: [0.995] });
    expect({ verdict: nothing.verdict, reason: nothing.reason, accepted: nothing.accepted }).toEqual({
      verdict: 'frontier',
      reason: 'not-worth-it',
      accepted: 0,
    });
  });

  it('must hold finite thresholds', () => {
    expect(() => certify(rightPairs(5), { ...options, grid: [] })).toThrow('at least one threshold');
    expect(() => certify(rightPairs(5), { ...options, grid: [Number.NaN] })).toThrow('finite');
  });
});
