import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd } from '../core/index.ts';
import { type BillItem, billOf, compareBills, scaleBill } from './bill.ts';

const item: fc.Arbitrary<BillItem> = fc.record({
  step: fc.constantFrom('classify', 'draft', 'polish', null),
  cost: fc.option(fc.integer({ min: 0, max: 10 ** 9 }).map((nano) => nano as NanoUsd)),
  inputTokens: fc.nat(100_000),
  outputTokens: fc.nat(10_000),
});

describe('a bill', () => {
  it('is exactly the sum of its rows, in any order', () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const bill = billOf(items);
        expect(bill.total.cost).toBe(items.reduce((sum, row) => sum + (row.cost ?? 0), 0));
        expect(bill.total.cost).toBe(bill.lines.reduce((sum, line) => sum + line.cost, 0));
        expect(bill.total.calls).toBe(items.length);
        expect(bill.total.unpricedCalls).toBe(items.filter((row) => row.cost === null).length);
        expect(billOf([...items].reverse()).total).toEqual(bill.total);
      }),
    );
  });

  it('takes rollup rows that stand for many calls', () => {
    const bill = billOf([
      { step: 'classify', cost: nanoUsd(0.5), calls: 1000, unpricedCalls: 3, inputTokens: 10, cachedTokens: 4, outputTokens: 1 },
      { step: 'classify', cost: nanoUsd(0.25), calls: 500 },
    ]);
    expect(bill.lines).toEqual([
      { step: 'classify', calls: 1500, unpricedCalls: 3, cost: nanoUsd(0.75), inputTokens: 10, cachedTokens: 4, outputTokens: 1 },
    ]);
  });

  it('scales exactly', () => {
    expect(scaleBill(billOf([{ step: 'a', cost: nanoUsd(0.0127) }]), 250_000).total.cost).toBe(nanoUsd(3175));
    expect(() => scaleBill(billOf([]), 1.5)).toThrow(RangeError);
  });
});

describe('a comparison of bills', () => {
  it('shows steps that only one of them has', () => {
    const { steps, total } = compareBills(billOf([{ step: 'draft', cost: nanoUsd(2) }]), billOf([{ step: 'judge', cost: nanoUsd(0.5) }]));
    expect(steps.map(({ step, saved, savedShare }) => ({ step, saved, savedShare }))).toEqual([
      { step: 'draft', saved: nanoUsd(2), savedShare: 1 },
      { step: 'judge', saved: nanoUsd(-0.5), savedShare: null },
    ]);
    expect(total.savedShare).toBe(0.75);
  });

  it('claims no share while a call is unpriced', () => {
    const before = billOf([{ step: 'draft', cost: nanoUsd(2) }]);
    const after = billOf([{ step: 'draft', cost: null }]);
    expect(compareBills(before, after).total).toMatchObject({ saved: nanoUsd(2), savedShare: null });
  });
});
