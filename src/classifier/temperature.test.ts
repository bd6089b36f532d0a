import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { fitTemperature } from './temperature.ts';

describe('temperature', () => {
  it('finds again the temperature that outcomes were drawn with', () => {
    const random = seededRandom(11);
    const [rows, classes, truth] = [20_000, 3, 0.4];
    const margins = Float32Array.from({ length: rows * classes }, () => random.normal());
    const gold = Int32Array.from({ length: rows }, (_, row) => {
      const shares = [0, 1, 2].map((k) => Math.exp(margins[row * classes + k]! / truth));
      let left = random.next() * (shares[0]! + shares[1]! + shares[2]!);
      return shares.findIndex((share) => {
        left -= share;
        return left < 0;
      });
    });
    expect(fitTemperature({ classes, margins, gold })).toBeCloseTo(truth, 1);
  });

  it('grows without confidence left when every answer is wrong', () => {
    const held = { classes: 2, margins: Float32Array.from([1, 0, 1, 0]), gold: Int32Array.from([1, 1]) };
    expect(fitTemperature(held)).toBeGreaterThan(900);
  });
});
