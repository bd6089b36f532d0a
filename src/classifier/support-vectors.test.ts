import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { decision, trainOneVsRest } from './support-vectors.ts';
import type { SparseRows } from './weighting.ts';

function sparse(dense: readonly (readonly number[])[]): SparseRows {
  const indices: number[] = [];
  const values: number[] = [];
  const offsets = [0];
  for (const row of dense) {
    row.forEach((value, column) => {
      if (value === 0) return;
      indices.push(column);
      values.push(value);
    });
    offsets.push(indices.length);
  }
  return {
    rows: dense.length,
    columns: dense[0]!.length,
    offsets: Int32Array.from(offsets),
    indices: Int32Array.from(indices),
    values: Float32Array.from(values),
  };
}

const exact = { cost: 1, positiveCost: 1, passes: 5000, tolerance: 1e-9, seed: 1 };

describe('one-vs-rest support vector machines', () => {
  it('finds the minimum that algebra gives for two opposite points', () => {
    // min w²/2 + b²/2 + 2·(1 − w)² has b = 0 and w = 4/5.
    const found: number[][] = [];
    const steps = trainOneVsRest(sparse([[1], [-1]]), 2, (row, label) => row === label, exact);
    for (const { weights, bias } of steps) found.push([weights[0]!, bias]);
    expect(found[0]![0]).toBeCloseTo(0.8, 6);
    expect(found[0]![1]).toBeCloseTo(0, 6);
    expect(found[1]![0]).toBeCloseTo(-0.8, 6);
  });

  it('reaches a point where the gradient of the primal objective vanishes', () => {
    const random = seededRandom(5);
    const dense = Array.from({ length: 60 }, () => [random.normal(), random.normal(), random.normal()]);
    const x = sparse(dense);
    const labels = Int32Array.from(dense, (row) => (row[0]! + 0.5 * random.normal() > 0 ? 0 : 1));
    for (const { label, weights, bias } of trainOneVsRest(x, 1, (row, label) => labels[row] === label, { ...exact, positiveCost: 3 })) {
      // ∂/∂w: w − 2 Σ C·y·max(0, 1 − y·f(x))·x with C = 3 for rows of the class, and the same for the bias with x = 1.
      const gradient = [...weights, bias];
      for (let row = 0; row < x.rows; row += 1) {
        const y = labels[row] === label ? 1 : -1;
        const missed = (y > 0 ? 3 : 1) * Math.max(0, 1 - y * decision(x, row, weights, bias));
        for (let column = 0; column < 3; column += 1) gradient[column] = gradient[column]! - 2 * y * missed * x.values[row * 3 + column]!;
        gradient[3] = gradient[3]! - 2 * y * missed;
      }
      for (const slope of gradient) expect(Math.abs(slope)).toBeLessThan(1e-4);
    }
  });
});
