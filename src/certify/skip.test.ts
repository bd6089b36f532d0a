import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nanoUsd, type Pair } from '../core/index.ts';
import { certify } from './certify.ts';

const standard = { floor: 0.98, level: 0.95, method: 'score' } as const;
const small = nanoUsd(0.0001);
const big = nanoUsd(0.001);

function pairOf(id: string, more: { quality?: number; confidence?: number; skip?: boolean } = {}): Pair {
  const { quality = 1, confidence, skip } = more;
  return {
    id,
    small: { quality, cost: small, ...(confidence === undefined ? {} : { confidence }) },
    big: { quality: 1, cost: big },
    ...(skip === undefined ? {} : { skip }),
  };
}

describe('rows that a frozen triage sends to the frontier', () => {
  const rows = [
    ...Array.from({ length: 300 }, (_, i) => pairOf(`kept${i}`, { confidence: 0.5 + i / 1000 })),
    ...Array.from({ length: 100 }, (_, i) => pairOf(`sent${i}`, { quality: 0, confidence: 0.99, skip: true })),
  ];

  it('count as escalated at every point, whatever the small answer was', () => {
    const result = certify(rows, standard);
    expect({ verdict: result.verdict, threshold: result.threshold, accepted: result.accepted, counts: result.counts }).toEqual({
      verdict: 'cascade',
      threshold: 0.5,
      accepted: 0.75,
      counts: { kept: 400, lost: 0, gained: 0 },
    });
    expect(Math.max(...result.grid.map((point) => point.accepted))).toBe(0.75);
    expect(result.notes).toEqual([
      '100 rows are sent to the frontier before the call: the verdict holds with that triage in front, and only so.',
    ]);
  });

  it('do not pay for the small call', () => {
    expect(certify(rows, standard).savings).toBeCloseTo(1 - (300 * 0.0001 + 100 * 0.001) / (400 * 0.001), 12);
    const free = rows.map((row) => (row.skip ? { ...row, small: { quality: 0 } } : row));
    expect(certify(free, standard).savings).toBe(certify(rows, standard).savings);
  });

  it('leave the rest to a swap where no row has a confidence', () => {
    const plain = rows.map((row) => ({ ...row, small: { quality: row.small.quality, cost: small } }));
    const result = certify(plain, standard);
    expect({ verdict: result.verdict, threshold: result.threshold, accepted: result.accepted }).toEqual({
      verdict: 'swap',
      threshold: null,
      accepted: 0.75,
    });
    expect(result.savings).toBeCloseTo(1 - (300 * 0.0001 + 100 * 0.001) / (400 * 0.001), 12);
  });

  it('are worth nothing when they are all there is', () => {
    const all = rows.map((row) => ({ ...row, skip: true }));
    const result = certify(all, standard);
    expect({ verdict: result.verdict, reason: result.reason, accepted: result.accepted }).toEqual({
      verdict: 'frontier',
      reason: 'not-worth-it',
      accepted: 0,
    });
  });

  it('weigh exactly as rows without confidence do, whose small call is paid', () => {
    const row = fc.record({ quality: fc.constantFrom(0, 1, 1, 1), confidence: fc.nat(20), skip: fc.boolean() });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 200 }), (drawn) => {
        fc.pre(drawn.some((r) => !r.skip));
        const skipped = drawn.map((r, i) => pairOf(`r${i}`, { ...r, confidence: r.confidence / 20 }));
        const silent = skipped.map(({ skip, ...r }) => (skip ? { ...r, small: { quality: r.small.quality, cost: small } } : r));
        const [a, b] = [certify(skipped, standard), certify(silent, standard)];
        expect(a.grid).toEqual(b.grid);
        expect({ ...a, savings: 0, notes: [] }).toMatchObject(
          a.verdict === b.verdict ? { verdict: b.verdict, threshold: b.threshold, accepted: b.accepted, counts: b.counts } : {},
        );
      }),
      { numRuns: 60 },
    );
  });
});
