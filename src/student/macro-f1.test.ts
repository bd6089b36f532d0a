import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classificationReport } from '../metrics/index.ts';
import { macroF1 } from './macro-f1.ts';

describe('macro F1', () => {
  it('is that of the full classification report', () => {
    const label = fc.constantFrom('a', 'b', 'c', 'd');
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { minLength: 1, maxLength: 30 }), (pairs) => {
        const predicted = pairs.map(([said]) => said);
        const gold = pairs.map(([, right]) => right);
        expect(macroF1(predicted, gold)).toBeCloseTo(classificationReport(predicted, gold).macroF1, 12);
      }),
    );
  });
});
