import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { gainFrom, learningCurveInSteps } from './index.ts';
import { errorAt, fitPowerLaw } from './power-law.ts';
import { runToEnd } from './progress.ts';

const random = seededRandom(5);
const words = Array.from({ length: 150 }, (_, i) => `word${i}`);
/** Each class prefers its own sixth of the words: more rows show more of them. */
const rows = Array.from({ length: 600 }, (_, i) => {
  const from = (i % 6) * 25;
  const text = Array.from({ length: 4 }, () => (random.next() < 0.5 ? words[from + random.int(25)]! : words[random.int(150)]!)).join(' ');
  return { text, label: `class ${i % 6}` };
});

describe('learning curve', () => {
  it('measures nested parts on held-out rows and says what more labels are worth, with an interval', () => {
    const shares: number[] = [];
    const curve = runToEnd(learningCurveInSteps({ kind: 'classifier', rows }, { seed: 1, onProgress: (share) => shares.push(share) }));
    expect(curve.points.map((point) => point.rows)).toEqual([29, 57, 114, 228, 450]);
    expect(curve.points.at(-1)!.accuracy).toBeGreaterThan(curve.points[0]!.accuracy);
    for (const { low, accuracy, high } of curve.points) expect(low <= accuracy && accuracy <= high).toBe(true);
    expect(shares.at(-1)).toBeCloseTo(1, 9);
    const few = gainFrom(curve, 100)!;
    const many = gainFrom(curve, 1000)!;
    expect(few.gain).toBeGreaterThanOrEqual(0);
    expect(many.gain).toBeGreaterThan(few.gain);
    for (const { low, gain, high } of [few, many]) expect(low <= gain && gain <= high).toBe(true);
    expect(runToEnd(learningCurveInSteps({ kind: 'classifier', rows }, { seed: 1 }))).toEqual(curve);
  });

  it('measures sets of labels and numbers the same way', () => {
    const sets = rows.map(({ text, label }) => ({ text, labels: [label] }));
    const numbers = rows.map(({ text, label }) => ({ text, value: Number(label.slice(-1)) }));
    const part = { seed: 1, folds: 1, points: 3 };
    expect(runToEnd(learningCurveInSteps({ kind: 'multilabel', rows: sets }, part)).points).toHaveLength(3);
    expect(runToEnd(learningCurveInSteps({ kind: 'scorer', rows: numbers, tolerance: 0.5 }, part)).points).toHaveLength(3);
  });

  it('refuses too few rows', () => {
    expect(() => runToEnd(learningCurveInSteps({ kind: 'classifier', rows: rows.slice(0, 9) }, { seed: 1 }))).toThrow('needs 16 rows');
  });
});

describe('power law', () => {
  it('finds the law that points were made from', () => {
    const truth = { floor: 0, scale: 1.2, exponent: 0.35 };
    const points = [50, 100, 200, 400, 800].map((n) => ({ rows: n, error: errorAt(truth, n), tested: 1000 }));
    const law = fitPowerLaw(points);
    expect(errorAt(law, 1600)).toBeCloseTo(errorAt(truth, 1600), 3);
  });
});
