import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeatureCounter } from './feature-counter.ts';
import { BUCKETS, FeatureScanner, MAX_CHARACTERS, MEASURES } from './feature-scanner.ts';
import { dealFolds, groupKeys, without } from './folds.ts';
import { fitTwoHeads, type SparseRows, sigmoid, type TwoHeads } from './logistic.ts';
import { countGroups, fitLookup } from './lookup.ts';

describe('FeatureScanner', () => {
  it('reads any text, into buckets that exist', () => {
    const scanner = new FeatureScanner();
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        scanner.scan(text);
        const found = scanner.buckets.subarray(0, scanner.starts[2]);
        expect(found.every((bucket) => bucket >= 0 && bucket < BUCKETS)).toBe(true);
        expect(scanner.measures.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it('takes white space and case as equal, and punctuation as words', () => {
    const found = (text: string) => {
      const scanner = new FeatureScanner();
      scanner.scan(text);
      return [...scanner.buckets.subarray(0, scanner.starts[2])];
    };
    expect(found(' How\n\tMANY  eggs ')).toEqual(found('how many eggs'));
    expect(found('a = b')).not.toEqual(found('a b'));
    expect(found('')).toEqual([]);
  });

  it('reads a bounded part of a text without an end, but knows its length', () => {
    const scanner = new FeatureScanner();
    scanner.scan('ab '.repeat(1e6));
    expect(scanner.starts[1]).toBeLessThanOrEqual(MAX_CHARACTERS);
    expect(scanner.measures[MEASURES.indexOf('characters')]).toBeCloseTo(Math.log(3e6), 5);
  });

  it('measures what a text looks like', () => {
    const scanner = new FeatureScanner();
    scanner.scan('Buy 12 eggs.\nPay $3.50!');
    const measured = Object.fromEntries(MEASURES.map((name, index) => [name, scanner.measures[index]]));
    expect(measured).toEqual({
      characters: Math.log1p(23),
      words: Math.log1p(6),
      lines: Math.log1p(2),
      numbers: Math.log1p(3),
      digits: 5 / 23,
      capitals: 2 / 23,
      symbols: 4 / 23,
      wordLength: 15 / 6,
      sentences: Math.log1p(3),
    });
  });
});

describe('FeatureCounter', () => {
  it('counts repeats, and forgets the text before', () => {
    const counter = new FeatureCounter();
    counter.count('x y z');
    counter.count('go go go');
    // Words: go three times; in a row: (start, go) once, (go, go) twice.
    expect([...counter.counts.subarray(0, counter.starts[1])]).toEqual([3, 1, 2]);
  });
});

describe('dealFolds', () => {
  it('deals every row once, never splits a group, and keeps folds even', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 5, maxLength: 200 }), fc.integer(), (groups, seed) => {
        const keys = groups.map(String);
        const folds = dealFolds(keys, 5, seed);
        expect(folds.flat().sort((a, b) => a - b)).toEqual(keys.map((_key, row) => row));
        for (const key of new Set(keys)) expect(folds.filter((fold) => fold.some((row) => keys[row] === key))).toHaveLength(1);
        for (const fold of folds) expect(without(keys.length, fold)).toHaveLength(keys.length - fold.length);
      }),
    );
  });

  it('keeps a repeated text together, unless clusters say what belongs together', () => {
    expect(groupKeys([{ text: 'a' }, { text: 'a', cluster: 'a' }, { text: 'a' }])).toEqual(['text a', 'cluster a', 'text a']);
  });
});

describe('fitTwoHeads', () => {
  const dense = (matrix: readonly (readonly number[])[]): SparseRows => ({
    columns: matrix[0]!.length,
    starts: Int32Array.from({ length: matrix.length + 1 }, (_, row) => row * matrix[0]!.length),
    indices: Int32Array.from(matrix.flatMap((row) => row.map((_value, column) => column))),
    values: Float32Array.from(matrix.flat()),
  });

  it('gives the mean of each target where the rows say nothing, graded ones too', () => {
    const rows = dense([[0], [0], [0], [0]]);
    const weights = fitTwoHeads({ rows, small: Float64Array.of(0, 0, 0.5, 0.5), big: Float64Array.of(1, 1, 1, 0) }, 0.01);
    expect(sigmoid(weights[2]!)).toBeCloseTo(0.25, 3);
    expect(sigmoid(weights[3]!)).toBeCloseTo(0.75, 3);
  });

  it('ends where the loss is least', () => {
    const matrix = [
      [1, 0.5],
      [0.2, -1],
      [-0.7, 0.3],
      [0.4, 0.4],
      [-1, -0.2],
    ];
    const small = [1, 0, 0, 0.5, 0];
    const big = [0, 1, 1, 0.25, 1];
    const lambda = 0.05;
    const loss = (w: TwoHeads) => {
      let sum = 0;
      matrix.forEach((row, i) => {
        [small, big].forEach((target, head) => {
          const z = w[4 + head]! + row[0]! * w[head]! + row[1]! * w[2 + head]!;
          sum += Math.log1p(Math.exp(z)) - target[i]! * z;
        });
      });
      return sum / 5 + (lambda / 2) * w.slice(0, 4).reduce((squares, value) => squares + value * value, 0);
    };
    const weights = fitTwoHeads({ rows: dense(matrix), small: Float64Array.from(small), big: Float64Array.from(big) }, lambda);
    for (let i = 0; i < weights.length; i += 1) {
      for (const away of [-0.05, 0.05]) {
        const moved = Float64Array.from(weights);
        moved[i] = moved[i]! + away;
        expect(loss(moved)).toBeGreaterThan(loss(weights));
      }
    }
  });
});

describe('fitLookup', () => {
  const rowsOf = (category: string, gains: readonly number[], task = 'qa') =>
    gains.map((gain, index) => ({
      id: `${task}-${category}-${index}`,
      text: '',
      task,
      category,
      small: gain < 0 ? 1 : 0,
      big: gain > 0 ? 1 : 0,
    }));

  it('draws a category towards its task by its noise', () => {
    // Within: means ½ and 0, squares 2·¼·2 + 0 = 1 over 6; between: 4·(¼)²·2 = ½ over 1; k = (1/6) / ((½ − 1/6) / 4) = 2.
    const lookup = fitLookup([...rowsOf('hard', [1, 1, 0, 0]), ...rowsOf('easy', [0, 0, 0, 0])]);
    expect(lookup.gain({ text: '', task: 'qa', category: 'hard' })).toBeCloseTo((4 * 0.5 + 2 * 0.25) / 6, 12);
    expect(lookup.gain({ text: '', task: 'qa', category: 'easy' })).toBeCloseTo((2 * 0.25) / 6, 12);
  });

  it('says the same of all categories that differ by chance alone', () => {
    const lookup = fitLookup([...rowsOf('a', [1, 0, 0, 0]), ...rowsOf('b', [0, 1, 0, 0])]);
    expect(lookup.gain({ text: '', task: 'qa', category: 'a' })).toBe(0.25);
  });

  it('falls back to the task, then to all', () => {
    const rows = [...rowsOf('a', [1, 1]), ...rowsOf('b', [0, 0], 'chat')];
    const lookup = fitLookup(rows);
    expect(lookup.gain({ text: '', task: 'chat', category: 'new' })).toBe(0);
    expect(lookup.gain({ text: '', task: 'new' })).toBe(0.5);
    expect(countGroups(rows)).toBe(2);
  });
});
