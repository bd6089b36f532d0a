import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hundredthsText, usdText } from './number-text.ts';

const edges = [0, 1, 9, 10, 99, 100, 101, 110, 999, 1000, 1001, 1010, 999_999, 1_000_000, 1_000_001, 10 ** 9, 10 ** 9 + 10, 10 ** 15];

describe('numbers in log lines', () => {
  it('are written as JSON writes hundredths', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...edges), fc.nat(), fc.maxSafeNat()), (scaled) => {
        const value = Math.round(scaled) / 100;
        expect(hundredthsText(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('are written as they are where they are no hundredths', () => {
    for (const value of [-1.25, 1 / 3, 1e-7, 1e21, -0.001]) expect(hundredthsText(value)).toBe(String(value));
  });

  it('are written as JSON writes nano-dollars in dollars', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 5000 }), fc.nat(), fc.maxSafeNat()), (nanos) => {
        expect(usdText(nanos)).toBe(JSON.stringify(nanos / 1e9));
      }),
    );
  });
});
