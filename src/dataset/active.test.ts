import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storedPair } from '../../test/support/life-pairs.ts';
import type { StoredPair } from '../store/index.ts';
import { nextToLabel } from './active.ts';

const SUBJECTS = [
  'the invoice that came twice',
  'a parcel lost on its way',
  'my password does not work',
  'closing an account for good',
  'opening hours in winter',
];
const pairOf = (id: string, subject: number, parts: Partial<StoredPair> = {}): StoredPair =>
  storedPair({ id, input: `${SUBJECTS[subject]} ${id}`, smallOutput: 'a', bigOutput: 'a', confidence: 0.9, ...parts });
const none: ReadonlySet<string> = new Set();

describe('nextToLabel', () => {
  it('takes reasons in turn, the most telling of each first, and one of each kind before a second', () => {
    const pairs = [
      pairOf('esc-1', 0, { confidence: 0.3 }),
      pairOf('esc-2', 0, { confidence: 0.2 }),
      pairOf('differs', 1, { smallOutput: 'b', smallQuality: 0 }),
      pairOf('unsure', 2, { confidence: 0.1 }),
      pairOf('sure-1', 3),
      pairOf('sure-2', 3),
      pairOf('sure-3', 3),
      pairOf('known', 4),
      pairOf('like-known', 4),
    ];
    const rows = nextToLabel({ pairs, labelled: new Set(['known']), escalated: new Set(['esc-1', 'esc-2']), count: 50 });
    expect(rows.slice(0, 4)).toEqual([
      {
        requestId: 'esc-2',
        reasons: ['escalated', 'low-confidence', 'new-cluster'],
        why: 'the small answer was not accepted; the confidence of small is 0.20; none of 2 requests like it is labelled',
      },
      {
        requestId: 'differs',
        reasons: ['disagreement', 'new-cluster'],
        why: 'small and frontier answer differently; nothing like it is labelled',
      },
      {
        requestId: 'unsure',
        reasons: ['low-confidence', 'new-cluster'],
        why: 'the confidence of small is 0.10; nothing like it is labelled',
      },
      expect.objectContaining({ requestId: expect.stringMatching(/^sure-/), reasons: ['new-cluster'] }),
    ]);
    // Nothing speaks for a sure answer of a kind that is labelled.
    expect(rows.map(({ requestId }) => requestId)).not.toContain('like-known');
    expect(rows.length).toBe(7);
  });

  it('leaves out what has no input and what is labelled, and takes one pair of a request that several models answered', () => {
    const pairs = [
      pairOf('blank', 0, { input: null }),
      pairOf('done', 1, { smallOutput: 'b', smallQuality: 0 }),
      pairOf('one', 2),
      pairOf('one', 2, { small: 'student/x', smallOutput: 'b', smallQuality: 0, confidence: 0.8 }),
    ];
    const rows = nextToLabel({ pairs, labelled: new Set(['done']), escalated: none, count: 5 });
    expect(rows.map(({ requestId, reasons }) => [requestId, reasons[0]])).toEqual([['one', 'disagreement']]);
    expect(rows[0]?.why).toContain('student/x and frontier answer differently');
  });

  it('never takes a row twice, a labelled one, or more than were asked for, whatever the order of the record', () => {
    const some = fc.record({
      subject: fc.nat({ max: 4 }),
      confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      differs: fc.boolean(),
      escalated: fc.boolean(),
      labelled: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (all, count) => {
        const pairs = all.map(({ subject, confidence, differs }, i) =>
          pairOf(`r${i}`, subject, { confidence, ...(differs ? { smallOutput: 'b', smallQuality: 0 } : {}) }),
        );
        const chosen = (key: 'escalated' | 'labelled') => new Set(all.flatMap((row, i) => (row[key] ? [`r${i}`] : [])));
        const labelled = chosen('labelled');
        const rows = nextToLabel({ pairs, labelled, escalated: chosen('escalated'), count });
        const ids = rows.map(({ requestId }) => requestId);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBeLessThanOrEqual(count);
        expect(ids.some((id) => labelled.has(id))).toBe(false);
        for (const { reasons } of rows) expect(reasons.length).toBeGreaterThan(0);
      }),
    );
  });
});
