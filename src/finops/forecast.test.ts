import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { addCeilingSums, NO_CEILING_SUMS, savedShare } from './ceiling-bill.ts';
import { costChange, unitCost } from './cost-change.ts';
import { type FocusItem, focusColumns, focusRow } from './focus.ts';
import { type CostDay, forecast } from './forecast.ts';

const days = (usd: readonly number[], first = 1): CostDay[] => usd.map((one, i) => ({ weekday: (first + i) % 7, usd: one }));
const ahead = (n: number, first: number) => Array.from({ length: n }, (_, i) => ({ weekday: (first + i) % 7, left: 1 }));

describe('a forecast', () => {
  it('carries on what never changes, without an interval to speak of', () => {
    const sums = forecast({ history: days(Array(28).fill(10)), days: ahead(3, 1), spent: 7, budget: 36 });
    expect(sums?.map(({ expected, low, high, overBudget }) => [expected, low, high, overBudget])).toEqual([
      [17, 17, 17, 0],
      [27, 27, 27, 0],
      [37, 37, 37, 1],
    ]);
  });

  it('takes only what is left of a day that has begun', () => {
    const sums = forecast({ history: days(Array(28).fill(10)), days: [{ weekday: 1, left: 0.25 }], spent: 4 });
    expect(sums?.[0]?.expected).toBeCloseTo(6.5, 12);
  });

  it('knows weekends by two months of them', () => {
    const week = (i: number) => ((1 + i) % 7 === 0 || (1 + i) % 7 === 6 ? 0 : 10);
    const history = days(Array.from({ length: 56 }, (_, i) => week(i)));
    const sums = forecast({ history, days: ahead(7, 1), spent: 0 });
    expect(sums?.at(-1)?.expected).toBeCloseTo(50, 9);
    // Of fifty dollars a week, Friday's sum holds nearly all; a mean without weekdays would leave fourteen for the weekend.
    expect((sums?.at(-1)?.expected ?? 0) - (sums?.[4]?.expected ?? 0)).toBeLessThan(4);
  });

  it('gives no interval below seven days, and nothing without one', () => {
    expect(forecast({ history: days([3, 5]), days: ahead(2, 3), spent: 1 })).toEqual([
      { expected: 5, low: null, high: null, overBudget: null },
      { expected: 9, low: null, high: null, overBudget: null },
    ]);
    expect(forecast({ history: [], days: ahead(2, 3), spent: 1 })).toBeNull();
  });

  it('holds what really came about nine times in ten', () => {
    const random = seededRandom(3);
    const cost = () => 100 * Math.exp(0.4 * random.normal());
    let held = 0;
    for (let k = 0; k < 60; k++) {
      const history = days(Array.from({ length: 35 }, cost));
      const came = Array.from({ length: 5 }, cost).reduce((sum, usd) => sum + usd, 0);
      const last = forecast({ history, days: ahead(5, 1), spent: 0 })?.at(-1);
      if (came >= (last?.low ?? 0) && came <= (last?.high ?? 0)) held += 1;
    }
    expect(held / 60).toBeGreaterThan(0.8);
    expect(held / 60).toBeLessThan(0.99);
  });
});

describe('a change of cost', () => {
  it('is volume and unit cost, exactly', () => {
    expect(costChange({ requests: 100, cost: nanoUsd(1) }, { requests: 150, cost: nanoUsd(1.2) })).toEqual({
      change: nanoUsd(0.2),
      byVolume: nanoUsd(0.5),
      byUnitCost: nanoUsd(-0.3),
    });
    const sums = fc.record({ requests: fc.nat(10_000), cost: fc.nat(1e11).map((nano) => nano as NanoUsd) });
    fc.assert(
      fc.property(sums, sums, (before, after) => {
        const { change, byVolume, byUnitCost } = costChange(before, after);
        expect(byVolume + byUnitCost).toBe(change);
        expect(change).toBe(after.cost - before.cost);
      }),
    );
  });

  it('is all volume where there was nothing, and none where there are no requests at all', () => {
    const none = { requests: 0, cost: nanoUsd(0) };
    expect(costChange(none, { requests: 2, cost: nanoUsd(1) }).byVolume).toBe(nanoUsd(1));
    expect(costChange({ requests: 2, cost: nanoUsd(1) }, none)).toMatchObject({ byVolume: nanoUsd(-1), byUnitCost: 0 });
    expect(costChange(none, { requests: 0, cost: nanoUsd(1) })).toMatchObject({ byVolume: 0, byUnitCost: nanoUsd(1) });
    expect([unitCost(none), unitCost({ requests: 4, cost: nanoUsd(1) })]).toEqual([null, 250_000_000]);
  });
});

describe('a bill beside the ceiling’s', () => {
  it('claims no share while something is unpriced', () => {
    const sums = { ...NO_CEILING_SUMS, requests: 2, actual: nanoUsd(1), before: nanoUsd(4) };
    expect(savedShare(sums)).toBe(0.75);
    expect(savedShare(addCeilingSums(sums, { ...NO_CEILING_SUMS, unpricedCalls: 1 }))).toBeNull();
    expect(savedShare(NO_CEILING_SUMS)).toBeNull();
  });
});

/** FOCUS 1.2, by its own column definitions: whether null is allowed. `M` is mandatory, `C` conditional, `R` recommended. */
const specification: Readonly<Record<string, readonly ['M' | 'C' | 'R', boolean]>> = {
  ...{ BilledCost: ['M', false], BillingAccountId: ['M', false], BillingAccountName: ['M', true], BillingCurrency: ['M', false] },
  ...{ BillingPeriodEnd: ['M', false], BillingPeriodStart: ['M', false], ChargeCategory: ['M', false], ChargeClass: ['M', true] },
  ...{ ChargeDescription: ['M', true], ChargeFrequency: ['R', false], ChargePeriodEnd: ['M', false], ChargePeriodStart: ['M', false] },
  ...{ ConsumedQuantity: ['C', true], ConsumedUnit: ['C', true], ContractedCost: ['M', false], EffectiveCost: ['M', false] },
  ...{ InvoiceIssuerName: ['M', false], ListCost: ['M', false], PricingQuantity: ['M', true], PricingUnit: ['M', true] },
  ...{ ProviderName: ['M', false], PublisherName: ['M', false], ResourceId: ['C', true], ResourceName: ['C', true] },
  ...{ ResourceType: ['C', true], ServiceCategory: ['M', false], ServiceName: ['M', false], ServiceSubcategory: ['R', false] },
  ...{ SubAccountId: ['C', true], SubAccountName: ['C', true], Tags: ['C', true] },
};

describe('a FOCUS export', () => {
  const item: FocusItem = {
    ...{ day: '2026-12-31', provider: 'openai', model: 'gpt-5-mini', team: null, tags: { task: 'a "b", c', step: null } },
    ...{ cost: 1_234_567_891 as NanoUsd, attempts: 3, requests: 2, unpricedCalls: 0, inputTokens: 100, cachedTokens: 40, outputTokens: 7 },
  };
  const bare: FocusItem = { ...item, provider: null, model: null, tags: { task: null }, cost: 0 as NanoUsd, unpricedCalls: 3 };
  const fieldOf = (name: string, of = item) => focusColumns.find((column) => column.name === name)?.value(of);

  it('has every mandatory column, no name that the specification lacks, and null only where it may stand', () => {
    const names = focusColumns.map(({ name }) => name);
    expect(names.filter((name) => !name.startsWith('x_')).sort()).toEqual(Object.keys(specification).sort());
    expect(new Set(names).size).toBe(names.length);
    for (const row of [item, bare]) {
      for (const { name, value } of focusColumns) {
        const nullable = specification[name]?.[1] ?? false;
        if (!nullable) expect(value(row), name).not.toBeNull();
        expect(value(row), name).not.toBe('');
      }
    }
  });

  it('writes exact sums, whole periods and quoted fields', () => {
    expect([fieldOf('BilledCost'), fieldOf('BilledCost', bare), fieldOf('BilledCost', { ...item, cost: 1 as NanoUsd })]).toEqual([
      '1.234567891',
      '0',
      '0.000000001',
    ]);
    expect([fieldOf('ChargePeriodStart'), fieldOf('ChargePeriodEnd'), fieldOf('BillingPeriodStart'), fieldOf('BillingPeriodEnd')]).toEqual([
      ...['2026-12-31T00:00:00Z', '2027-01-01T00:00:00Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ]);
    expect(focusRow(item)).toContain('"{""task"":""a \\""b\\"", c""}"');
    expect(fieldOf('Tags', bare)).toBeNull();
    expect(fieldOf('ChargeDescription', bare)).toBe('3 calls of an unknown model, 3 of them UNPRICED and not in the cost');
    expect(fieldOf('ListCost', { ...item, cost: 20_000_000_000 as NanoUsd })).toBe('20');
  });
});
