import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { calibrate, fitCalibrator, IDENTITY, parseCalibrator } from './calibrator.ts';
import { fitIsotonic, isotonicAt } from './isotonic.ts';
import { fitPlatt, plattInput, sigmoid } from './platt.ts';

const probability = fc.double({ min: 0, max: 1, noNaN: true });
const outcome = fc.constantFrom(0, 1);
const rows = (max: number) => fc.array(fc.tuple(probability, outcome), { minLength: 1, maxLength: max });
const columns = (list: readonly (readonly [number, number])[]) => [list.map(([x]) => x), list.map(([, y]) => y)] as const;
const fitters = [fitPlatt, fitIsotonic];

describe('calibrators', () => {
  it('never decrease and stay within 0 and 1, whatever they were fitted on', () => {
    fc.assert(
      fc.property(rows(60), fc.array(probability, { minLength: 2, maxLength: 30 }), (list, probes) => {
        const sorted = [...probes].sort((a, b) => a - b);
        for (const fitter of fitters) {
          const calibrator = fitter(...columns(list));
          const mapped = sorted.map((value) => calibrate(calibrator, value));
          expect(mapped.every((value) => value >= 0 && value <= 1)).toBe(true);
          for (let i = 1; i < mapped.length; i += 1) expect(mapped[i]!).toBeGreaterThanOrEqual(mapped[i - 1]!);
        }
      }),
    );
  });

  it('survive a trip through JSON unchanged', () => {
    fc.assert(
      fc.property(rows(40), (list) => {
        for (const calibrator of [IDENTITY, ...fitters.map((fitted) => fitted(...columns(list)))]) {
          expect(parseCalibrator(JSON.parse(JSON.stringify(calibrator)))).toEqual(calibrator);
        }
      }),
    );
  });

  it('keep the mean of what they were fitted on', () => {
    const [values, outcomes] = sample(800, (x) => x * x);
    const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    for (const fitter of fitters) {
      const calibrator = fitter(values, outcomes);
      expect(mean(values.map((value) => calibrate(calibrator, value)))).toBeCloseTo(mean(outcomes), 2);
    }
  });

  it('are chosen by the number of rows: Platt below 500, isotonic from there on', () => {
    const [values, outcomes] = sample(500, (x) => x);
    expect(fitCalibrator(values.slice(1), outcomes.slice(1)).kind).toBe('platt');
    expect(fitCalibrator(values, outcomes).kind).toBe('isotonic');
  });

  it('take NaN for no confidence', () => {
    const [values, outcomes] = sample(20, (x) => x);
    for (const calibrator of [IDENTITY, fitPlatt(values, outcomes), fitIsotonic(values, outcomes)]) {
      expect(calibrate(calibrator, Number.NaN)).toBe(0);
    }
    expect([-1, 0.4, 7].map((value) => calibrate(IDENTITY, value))).toEqual([0, 0.4, 1]);
  });

  it('refuse rows that they cannot be fitted on', () => {
    expect(() => fitCalibrator([], [])).toThrow('a calibrator needs at least one row');
    expect(() => fitCalibrator([0.5], [1, 0])).toThrow('1 values have 2 outcomes');
    expect(() => fitPlatt([Number.NaN], [1])).toThrow('value 1 is not a finite number');
    expect(() => fitIsotonic([0.5, 0.6], [1, 2])).toThrow('outcome 2 does not lie between 0 and 1');
  });
});

describe('Platt scaling', () => {
  it('recovers a known logistic', () => {
    const truth = (x: number) => sigmoid(1.7 * plattInput(x, 'log-odds') - 0.6);
    const [values, outcomes] = sample(20_000, truth);
    const fitted = fitPlatt(values, outcomes);
    expect(fitted.input).toBe('log-odds');
    expect(Math.abs(fitted.slope - 1.7)).toBeLessThan(0.08);
    expect(Math.abs(fitted.intercept + 0.6)).toBeLessThan(0.08);
  });

  it('takes signals outside 0 to 1 as they are', () => {
    const random = seededRandom(5);
    const values = Array.from({ length: 20_000 }, () => -5 * random.next());
    const outcomes = values.map((x) => (random.next() < sigmoid(2 * x + 3) ? 1 : 0));
    const fitted = fitPlatt(values, outcomes);
    expect(fitted.input).toBe('value');
    expect(Math.abs(fitted.slope - 2)).toBeLessThan(0.1);
    expect(Math.abs(fitted.intercept - 3)).toBeLessThan(0.15);
  });

  it('stops where the gradient is zero: no neighbour has a lower loss', () => {
    fc.assert(
      fc.property(rows(40), (list) => {
        const [values, outcomes] = columns(list);
        const { slope, intercept } = fitPlatt(values, outcomes);
        const loss = smoothedLoss(values, outcomes);
        for (const [ds, di] of [
          [1e-3, 0],
          [-1e-3, 0],
          [0, 1e-3],
          [0, -1e-3],
        ] as const) {
          if (slope + ds >= 0) expect(loss(slope + ds, intercept + di)).toBeGreaterThanOrEqual(loss(slope, intercept) - 1e-9);
        }
      }),
    );
  });

  it('is never certain, even of rows that are all right', () => {
    expect(calibrate(fitPlatt([0.9, 0.9], [1, 1]), 0.9)).toBeCloseTo(0.75, 6);
    expect(calibrate(fitPlatt([0.2, 0.9], [0, 1]), 1)).toBeLessThan(1);
  });

  it('gives everyone the base rate when the signal runs the wrong way', () => {
    const [values, outcomes] = sample(400, (x) => 1 - x);
    const fitted = fitPlatt(values, outcomes);
    expect(fitted.slope).toBe(0);
    expect(calibrate(fitted, 0.01)).toBe(calibrate(fitted, 0.99));
  });
});

describe('isotonic regression', () => {
  it('is the least-squares monotone fit: the max–min formula gives the same values', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), outcome), { minLength: 1, maxLength: 14 }), (list) => {
        const [values, outcomes] = columns(list);
        const fitted = fitIsotonic(values, outcomes);
        for (const x of new Set(values)) expect(isotonicAt(fitted.knots, x)).toBeCloseTo(maxMin(values, outcomes, x), 12);
      }),
    );
  });

  it('has no better neighbour among brute-forced monotone steps', () => {
    const values = [1, 2, 3, 4];
    const outcomes = [0, 1, 0, 1];
    const error = (fit: readonly number[]) => fit.reduce((sum, y, i) => sum + (y - outcomes[i]!) ** 2, 0);
    const fitted = fitIsotonic(values, outcomes);
    const best = error(values.map((x) => isotonicAt(fitted.knots, x)));
    const steps = Array.from({ length: 21 }, (_, i) => i / 20);
    let least = Infinity;
    for (const a of steps)
      for (const b of steps)
        for (const c of steps) for (const d of steps) if (a <= b && b <= c && c <= d) least = Math.min(least, error([a, b, c, d]));
    expect(best).toBeCloseTo(0.5, 12);
    expect(best).toBeLessThanOrEqual(least + 1e-12);
  });

  it('keeps blocks as their ends, pools ties, and draws straight lines between', () => {
    const fitted = fitIsotonic([0.1, 0.2, 0.2, 0.6, 0.8], [0, 1, 0, 1, 1]);
    expect(fitted).toEqual({
      kind: 'isotonic',
      knots: [
        [0.1, 0],
        [0.2, 0.5],
        [0.6, 1],
        [0.8, 1],
      ],
      n: 5,
    });
    expect([0, 0.15, 0.4, 0.9].map((x) => isotonicAt(fitted.knots, x))).toEqual([0, expect.closeTo(0.25, 12), expect.closeTo(0.75, 12), 1]);
  });

  it('keeps the order of raw values inside a block when it calibrates, within a millionth of the curve', () => {
    const { values, outcomes } = {
      values: Array.from({ length: 600 }, (_, i) => i / 600),
      outcomes: Array.from({ length: 600 }, (_, i) => i % 2),
    };
    const fitted = fitCalibrator(values, outcomes);
    const calibrated = values.map((x) => calibrate(fitted, x));
    expect(new Set(calibrated).size).toBe(600);
    expect(calibrated).toEqual([...calibrated].sort((a, b) => a - b));
    for (const [i, x] of values.entries())
      expect(Math.abs(calibrated[i]! - isotonicAt(fitIsotonic(values, outcomes).knots, x))).toBeLessThan(1.01e-6);
  });
});

describe('parseCalibrator', () => {
  it.each([
    [null, 'a calibrator is an object with a kind'],
    [{ kind: 'beta' }, 'unknown calibrator kind "beta"; known are identity, platt and isotonic'],
    [{ kind: 'platt', input: 'log-odds', slope: -1, intercept: 0, n: 3 }, 'slope of a platt calibrator is a number of at least 0'],
    [{ kind: 'platt', input: 'probit', slope: 1, intercept: 0, n: 3 }, 'input of a platt calibrator is log-odds or value'],
    [{ kind: 'isotonic', knots: [], n: 3 }, 'an isotonic calibrator has at least one knot'],
    [
      {
        kind: 'isotonic',
        knots: [
          [0, 0.5],
          [1, 0.4],
        ],
        n: 3,
      },
      'knots ascend in both coordinates',
    ],
    [{ kind: 'isotonic', knots: [[0, 1.5]], n: 3 }, 'a knot is a pair of a number and a probability'],
    [{ kind: 'isotonic', knots: [[0, 0.5]], n: 0 }, 'n of a calibrator is a whole number of rows'],
  ])('refuses %j', (stored, message) => {
    expect(() => parseCalibrator(stored)).toThrow(message);
  });
});

/** Rows whose chance of being right is a known function of their value. */
function sample(n: number, truth: (x: number) => number): readonly [number[], number[]] {
  const random = seededRandom(11);
  const values = Array.from({ length: n }, () => random.next());
  return [values, values.map((x) => (random.next() < truth(x) ? 1 : 0))];
}

/** The isotonic fit by its closed form, max over starts of min over ends of the mean: O(n³), and nothing like the algorithm under test. */
function maxMin(values: readonly number[], outcomes: readonly number[], x: number): number {
  const points = [...new Set(values)].sort((a, b) => a - b);
  const mean = (from: number, to: number) => {
    const inside = outcomes.filter((_, i) => values[i]! >= from && values[i]! <= to);
    return inside.reduce((a, b) => a + b, 0) / inside.length;
  };
  const starts = points.filter((point) => point <= x);
  const ends = points.filter((point) => point >= x);
  return Math.max(...starts.map((from) => Math.min(...ends.map((to) => mean(from, to)))));
}

function smoothedLoss(values: readonly number[], outcomes: readonly number[]): (slope: number, intercept: number) => number {
  const right = outcomes.filter((y) => y === 1).length;
  const [high, low] = [(right + 1) / (right + 2), 1 / (outcomes.length - right + 2)];
  return (slope, intercept) =>
    values.reduce((sum, x, i) => {
      const t = slope * plattInput(x, 'log-odds') + intercept;
      const target = outcomes[i] === 1 ? high : low;
      return sum + Math.max(t, 0) - target * t + Math.log1p(Math.exp(-Math.abs(t)));
    }, 0);
}
