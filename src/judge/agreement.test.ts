import { describe, expect, it } from 'vitest';
import { newId } from '../core/index.ts';
import { type HumanLabel, labelMembers, standingLabels } from '../metrics/index.ts';
import { openSqliteStore, type StoredPair } from '../store/index.ts';
import { agreementIn, asScoredBy, labelsOf, ratedAnswers } from './index.ts';

const pairOf = (id: string, smallQuality: number, bigQuality: number): StoredPair => ({
  id,
  task: 'reply',
  small: 'small',
  big: 'big',
  at: 1,
  drawn: 'uniform',
  inclusion: 0.1,
  cluster: null,
  smallQuality,
  bigQuality,
  confidence: null,
  signals: {},
  smallCost: null,
  bigCost: null,
  smallLatencyMs: null,
  bigLatencyMs: null,
  requestId: `req-${id}`,
  certificate: null,
  prompt: null,
  servedSmall: null,
  servedBig: null,
  input: 'q',
  smallOutput: 's',
  bigOutput: 'b',
  by: 'judge:j',
  skip: false,
});

const label = (request: string, answer: string | null, score: number | null, more: Partial<HumanLabel> & { state?: 'withdrawn' } = {}) => ({
  id: newId(),
  at: 1,
  ...labelMembers({ requestId: request, by: 'ann', answer, score, label: null, sample: 'uniform', ...more }),
});

describe('labels of people', () => {
  it('stand until the same person says otherwise, or takes them back', () => {
    const rows = [
      label('r1', 'small', 0),
      label('r1', 'small', 0.75),
      label('r1', 'big', 1),
      label('r1', 'big', null, { state: 'withdrawn' }),
      label('r1', 'small', 0.5, { by: 'bob' }),
      { id: newId(), requestId: 'r1', key: 'client', label: null, score: 0, comment: '{"answer":"small","sample":"uniform"}' },
      { id: newId(), requestId: 'r1', key: 'label:ann', label: null, score: 0, comment: 'free words' },
    ];
    expect(standingLabels(rows.toReversed()).toSorted((a, b) => (a.by < b.by ? -1 : 1))).toEqual([
      { requestId: 'r1', by: 'ann', answer: 'small', score: 0.75, label: null, sample: 'uniform', skipped: false },
      { requestId: 'r1', by: 'bob', answer: 'small', score: 0.5, label: null, sample: 'uniform', skipped: false },
    ]);
  });

  it('meet the scores of the judge that is asked about, with the mean of several people', () => {
    const labels = standingLabels([
      label('req-1', 'small', 0),
      label('req-1', 'small', 1, { by: 'bob' }),
      label('req-1', 'big', 1),
      label('req-2', 'big', 1, { sample: 'disagreement' }),
      label('req-3', 'big', 1),
    ]);
    const pairs = [pairOf('1', 0.4, 0.9), pairOf('2', 0, 1), { ...pairOf('3', 1, 1), by: 'judge:other' }];
    expect(ratedAnswers(pairs, labels, 'j')).toEqual({
      rows: [
        { human: 0.5, judge: 0.4, cluster: 'req-1', model: 'small' },
        { human: 1, judge: 0.9, cluster: 'req-1', model: 'big' },
      ],
      chosen: 1,
    });
  });

  it('give κ from what a store holds, over several pages of feedback', async () => {
    const store = await openSqliteStore(':memory:');
    try {
      expect(asScoredBy('j', await agreementIn(store, { task: 'reply', judge: 'j' }))).toBe(
        'as scored by judge j, κ unknown: no answer was labelled by a person',
      );
      const ids = Array.from({ length: 700 }, (_, i) => i);
      await store.pairs.append(ids.map((i) => pairOf(String(i), i % 2, 1)));
      await store.feedback.append(ids.map((i) => ({ ...label(`req-${i}`, 'small', i % 10 === 0 ? 1 : i % 2), at: 1 })));
      expect((await labelsOf(store)).length).toBe(700);
      const agreement = await agreementIn(store, { task: 'reply', judge: 'j' });
      expect(agreement).toMatchObject({ n: 700, counts: { bothPass: 350, onlyHuman: 70, onlyJudge: 0, bothFail: 280 } });
      expect(asScoredBy('j', agreement)).toMatch(/^as scored by judge j, κ = 0\.80 \(0\.7\d to 0\.8\d, 700 labelled answers\)$/);
    } finally {
      await store.close();
    }
  });
});
