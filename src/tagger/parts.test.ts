import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrated, fitCalibration, logit } from './calibration.ts';
import { compareFields } from './index.ts';
import { Lattice, Transitions } from './lattice.ts';
import { TokenReader } from './tokens.ts';
import { daysOf, formatted, numberOf } from './value-forms.ts';

describe('tokens', () => {
  const tokens = new TokenReader();
  const read = (text: string) => {
    tokens.read(text);
    return Array.from({ length: tokens.size }, (_, i) => text.slice(tokens.starts[i]!, tokens.ends[i]!));
  };

  it('are words, numbers with their inner marks, word endings after an apostrophe, and single marks', () => {
    expect(read("RM33.90 on 25/12/2018, 1,234.50! don't 'quote'")).toEqual([
      'RM',
      '33.90',
      'on',
      '25/12/2018',
      ',',
      '1,234.50',
      '!',
      'don',
      "'t",
      "'",
      'quote',
      "'",
    ]);
  });

  it('are single characters in scripts that write no spaces', () => {
    expect(read('iPhoneを東京で')).toEqual(['iPhone', 'を', '東', '京', 'で']);
  });

  it('cover every character of any text that is no space, in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(
          read(text)
            .join('')
            .replace(/\s|[\u200b\ufeff]/g, ''),
        ).toBe(text.replace(/\s|[\u200b\ufeff]/g, ''));
      }),
    );
  });
});

describe('the random field over tags', () => {
  it('finds the best tagging and each probability as adding up all taggings does', () => {
    const tags = 5;
    const score = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.array(score, { minLength: 15, maxLength: 15 }), fc.array(score, { minLength: 30, maxLength: 30 }), (scores, moves) => {
        const transitions = new Transitions(tags, Float32Array.from(moves));
        const lattice = new Lattice(tags);
        lattice.begin(3);
        lattice.scores.set(scores);
        lattice.run(transitions);
        let total = 0;
        let best = { weight: -1, path: [0, 0, 0] };
        const sums = new Float64Array(15);
        for (let code = 0; code < tags ** 3; code += 1) {
          const path = [Math.floor(code / 25), Math.floor(code / 5) % 5, code % 5];
          const weight = path.reduce(
            (product, tag, i) =>
              product * transitions.powers[(i === 0 ? tags : path[i - 1]!) * tags + tag]! * Math.exp(scores[i * tags + tag]!),
            1,
          );
          total += weight;
          path.forEach((tag, i) => {
            sums[i * tags + tag] = sums[i * tags + tag]! + weight;
          });
          if (weight > best.weight) best = { weight, path };
        }
        expect(lattice.logBest).toBeCloseTo(Math.log(best.weight / total), 2);
        for (let cell = 0; cell < 15; cell += 1) expect(lattice.marginals[cell]!).toBeCloseTo(sums[cell]! / total, 2);
        const found = [...lattice.best.slice(0, 3)];
        const weightOf = (path: readonly number[]) =>
          path.reduce(
            (product, tag, i) =>
              product * transitions.powers[(i === 0 ? tags : path[i - 1]!) * tags + tag]! * Math.exp(scores[i * tags + tag]!),
            1,
          );
        expect(weightOf(found)).toBeCloseTo(best.weight, 6);
      }),
    );
  });
});

describe('calibration', () => {
  it('finds the curve that outcomes were drawn from', () => {
    const inputs = Array.from({ length: 4000 }, (_, i) => [logit(((i % 99) + 0.5) / 100)]);
    // True log-odds are half of the input plus one; an outcome for each hundredth of its probability.
    const outcomes = inputs.map(([x], i) => ((Math.floor(i / 99) * 37) % 40) / 40 < calibrated([1, 0.5], [x!]));
    const [constant, slope] = fitCalibration(inputs, outcomes, [1]);
    expect(constant).toBeCloseTo(1, 0);
    expect(slope).toBeCloseTo(0.5, 1);
  });

  it('is right on average, from whatever inputs and outcomes it was fitted on', () => {
    const row = fc.tuple(
      fc.double({ min: -14, max: 14, noNaN: true }),
      fc.double({ min: -14, max: 14, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(row, fc.boolean()), { minLength: 40, maxLength: 80 }), (drawn) => {
        const inputs = drawn.map(([one]) => one);
        const coefficients = fitCalibration(
          inputs,
          drawn.map(([, outcome]) => outcome),
          [0.5, 0.5, 2],
        );
        const mean = inputs.reduce((sum, one) => sum + calibrated(coefficients, one), 0) / inputs.length;
        expect(Math.abs(mean - drawn.filter(([, outcome]) => outcome).length / drawn.length)).toBeLessThan(0.03);
      }),
    );
  });

  it('stays finite when the inputs separate right from wrong, and when everything is right', () => {
    const inputs = [[-3], [-2], [2], [3]];
    for (const outcomes of [
      [false, false, true, true],
      [true, true, true, true],
    ])
      for (const value of fitCalibration(inputs, outcomes, [1])) expect(Number.isFinite(value)).toBe(true);
  });
});

describe('values', () => {
  it('are read as numbers and days', () => {
    expect(['1,234.50', 'RM 33.90', '1.234,5', 'seven', '-0.01', 'A 12', ''].map(numberOf)).toEqual([
      1234.5,
      33.9,
      1234.5,
      7,
      -0.01,
      null,
      null,
    ]);
    expect(daysOf('03/04/18')).toEqual([
      { year: 2018, month: 4, day: 3 },
      { year: 2018, month: 3, day: 4 },
    ]);
    expect(daysOf('31st of Dec 1999')).toEqual([{ year: 1999, month: 12, day: 31 }]);
    expect(daysOf('99/99/2018')).toEqual([]);
  });

  it('are written in a format, or as they stand where it does not apply', () => {
    expect(formatted('a,b ,  c', 'space after commas')).toBe('a, b, c');
    expect(formatted('1,234.5', 'two decimals')).toBe('1234.50');
    expect(formatted('04/03/2018', 'month first')).toBe('2018-04-03');
    expect(formatted('no day', 'day first')).toBe('no day');
  });

  it('are compared one by one, lists in any order', () => {
    expect(compareFields({ a: 'x', b: ['1', '2'] }, { a: ' x ', b: ['2', '1'] })).toEqual({ right: 3, wrong: 0, missing: 0, exact: true });
    expect(compareFields({ a: 'y', c: 'z' }, { a: 'x', b: 'q' })).toEqual({ right: 0, wrong: 2, missing: 2, exact: false });
  });
});
