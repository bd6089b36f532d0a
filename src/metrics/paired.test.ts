import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { classificationReport, comparePaired, meanInterval, retention } from './index.ts';

describe('comparePaired', () => {
  it('counts wins, losses and ties, and tests 0/1 scores with McNemar', () => {
    const a = [1, 1, 1, 1, 1, 1, 0, 0];
    const b = [0, 0, 0, 0, 0, 1, 0, 1];
    const { interval, ...rest } = comparePaired(a, b, { seed: 1 });
    expect(rest).toEqual({
      n: 8,
      meanA: 0.75,
      meanB: 0.25,
      difference: 0.5,
      mcnemar: expect.closeTo(14 / 64, 12),
      wins: 5,
      losses: 1,
      ties: 2,
    });
    expect(interval.low).toBeLessThan(0.5);
    expect(interval.high).toBeGreaterThan(0.5);
  });

  it('gives no McNemar to graded or clustered scores', () => {
    expect(comparePaired([0.5, 1], [0, 1]).mcnemar).toBe(null);
    expect(comparePaired([0, 1], [0, 1], { clusters: ['x', 'y'] }).mcnemar).toBe(null);
  });

  it('is the same again with the same seed, and its mirror image with the sides changed', () => {
    const score = fc.constantFrom(0, 0.5, 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 20 }), fc.nat(), (rows, seed) => {
        const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)];
        const options = { seed, resamples: 50 };
        const [there, back] = [comparePaired(a, b, options), comparePaired(b, a, options)];
        expect(comparePaired(a, b, options)).toEqual(there);
        expect(back.interval.low).toBeCloseTo(-there.interval.high, 12);
        expect([back.wins, back.losses, back.mcnemar]).toEqual([there.losses, there.wins, there.mcnemar]);
      }),
      { numRuns: 50 },
    );
  });

  it('draws whole clusters: a row copied ten times within its cluster narrows nothing', () => {
    const random = seededRandom(7);
    const a = Array.from({ length: 60 }, () => random.next());
    const b = a.map(() => random.next());
    const copies = <T>(list: readonly T[]) => list.flatMap((item) => new Array<T>(10).fill(item));
    const clusters = copies(a.map((_, row) => `c${row}`));
    const once = comparePaired(a, b, { seed: 3 }).interval;
    const clustered = comparePaired(copies(a), copies(b), { seed: 3, clusters }).interval;
    expect([clustered.low, clustered.high]).toEqual([expect.closeTo(once.low, 9), expect.closeTo(once.high, 9)]);
    const naive = comparePaired(copies(a), copies(b), { seed: 3 }).interval;
    expect(naive.high - naive.low).toBeLessThan((once.high - once.low) / 2);
  });

  it('refuses rows that cannot be paired', () => {
    expect(() => comparePaired([], [])).toThrow('there are no scores to compare');
    expect(() => comparePaired([1], [1, 0])).toThrow('1 scores are paired with 2');
    expect(() => comparePaired([1], [Number.NaN])).toThrow('score 1 is not a finite number');
    expect(() => comparePaired([1, 0], [1, 0], { clusters: ['x'] })).toThrow('2 scores have 1 clusters');
  });
});

describe('meanInterval', () => {
  it('is Wilson for 0/1 scores and the bootstrap otherwise', () => {
    expect(meanInterval([1, 1, 1, 1])).toEqual({ n: 4, mean: 1, interval: { low: expect.closeTo(0.5101, 4), high: 1 }, method: 'wilson' });
    const graded = meanInterval([0.2, 0.4, 0.9], { seed: 2 });
    expect(graded.method).toBe('bootstrap');
    expect(graded.interval.low).toBeGreaterThanOrEqual(0.2);
    expect(graded.interval.high).toBeLessThanOrEqual(0.9);
    expect(meanInterval([1, 0, 1], { clusters: ['a', 'a', 'b'] }).method).toBe('bootstrap');
  });

  it('covers the true mean about as often as it says', () => {
    const random = seededRandom(9);
    let covered = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      const { interval } = meanInterval(
        Array.from({ length: 80 }, () => random.next() ** 2),
        { level: 0.9, seed: trial, resamples: 300 },
      );
      if (interval.low <= 1 / 3 && interval.high >= 1 / 3) covered += 1;
    }
    // 180 expected; 3.5 standard errors of a binomial either way.
    expect(covered).toBeGreaterThan(165);
    expect(covered).toBeLessThan(195);
  });
});

describe('retention', () => {
  it('is the ratio of the means, with an interval around it', () => {
    const { retained, interval } = retention([1, 0.5, 0.5, 1], [1, 1, 1, 0.75], { seed: 1 });
    expect(retained).toBeCloseTo(3 / 3.75, 12);
    expect(interval!.low).toBeLessThanOrEqual(0.8);
    expect(interval!.high).toBeGreaterThanOrEqual(0.8);
  });

  it('has no value when there is nothing to keep, and survives draws in which there is nothing', () => {
    expect(retention([1, 0], [0, 0])).toEqual({ retained: null, interval: null });
    const rare = retention([1, 0, 0], [1, 0, 0], { seed: 1 });
    expect(rare).toEqual({ retained: 1, interval: { low: 1, high: 1 } });
  });
});

describe('classificationReport', () => {
  it('agrees with scikit-learn on a worked example', () => {
    // sklearn.metrics.f1_score on y_true = 0 1 2 0 1 2, y_pred = 0 2 1 0 0 1: macro 0.2667, micro 0.3333, weighted 0.2667.
    const report = classificationReport(['0', '2', '1', '0', '0', '1'], ['0', '1', '2', '0', '1', '2']);
    expect(report).toEqual({
      n: 6,
      accuracy: expect.closeTo(1 / 3, 12),
      macroF1: expect.closeTo(0.8 / 3, 12),
      microF1: expect.closeTo(1 / 3, 12),
      weightedF1: expect.closeTo(0.8 / 3, 12),
      perLabel: [
        { label: '0', precision: expect.closeTo(2 / 3, 12), recall: 1, f1: expect.closeTo(0.8, 12), support: 2 },
        { label: '1', precision: 0, recall: 0, f1: 0, support: 2 },
        { label: '2', precision: 0, recall: 0, f1: 0, support: 2 },
      ],
      confusion: {
        labels: ['0', '1', '2'],
        counts: [
          [2, 0, 0],
          [1, 0, 1],
          [0, 2, 0],
        ],
        invalid: [0, 0, 0],
      },
    });
  });

  it('counts an invalid answer as wrong without blaming another label, and leaves unseen labels out of the macro mean', () => {
    const report = classificationReport(['a', null, 'b'], ['a', 'a', 'b'], ['a', 'b', 'never']);
    expect(report.accuracy).toBeCloseTo(2 / 3, 12);
    expect(report.confusion).toEqual({
      labels: ['a', 'b', 'never'],
      counts: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
      ],
      invalid: [1, 0, 0],
    });
    expect(report.macroF1).toBeCloseTo((2 / 3 + 1) / 2, 12);
    expect(report.microF1).toBeCloseTo(4 / 5, 12);
  });

  it('has micro F1 equal to accuracy when every answer is a label', () => {
    const label = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { minLength: 1 }), (rows) => {
        const report = classificationReport(
          rows.map(([p]) => p),
          rows.map(([, g]) => g),
        );
        expect(report.microF1).toBeCloseTo(report.accuracy, 12);
        expect(report.perLabel.reduce((sum, row) => sum + row.support, 0)).toBe(rows.length);
      }),
    );
  });

  it('refuses rows that do not fit', () => {
    expect(() => classificationReport([], [])).toThrow('at least one row');
    expect(() => classificationReport(['a'], [])).toThrow('1 predictions have 0 gold labels');
  });
});
