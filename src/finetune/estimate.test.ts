import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd, toUsd, usdPerMillion } from '../core/index.ts';
import { type Approval, approves, type EstimateInput, estimate, withProviderPrice } from './estimate.ts';
import { billionsOf, endpointPrice, trainingPrice } from './training-prices.ts';

const base: EstimateInput = {
  trainingTokens: 1_000_000,
  validationTokens: 100_000,
  epochs: 3,
  evaluations: 1,
  price: null,
  declaredPerMillion: null,
  ownMachine: false,
  endpoint: null,
  perCall: null,
  callsPerMonth: null,
};
const price = { perMillion: usdPerMillion(0.5), minimum: null, storagePerMonth: null, source: 'a page', asOf: '2026-11-22' };

describe('an estimate', () => {
  it('is tokens × epochs and the validation rows, at the price', () => {
    expect(estimate({ ...base, price })).toMatchObject({
      billedTokens: 3_100_000,
      cost: nanoUsd(1.55),
      origin: 'price list',
      source: 'a page',
    });
  });

  it('is unknown without a price, never 0', () => {
    expect(estimate(base)).toMatchObject({ cost: null, origin: 'unknown' });
    expect(estimate({ ...base, price: { ...price, perMillion: null, minimum: nanoUsd(4) } })).toMatchObject({
      cost: null,
      minimum: nanoUsd(4),
    });
  });

  it("takes the user's price before the bundled one, and the least charge where the tokens cost less", () => {
    expect(estimate({ ...base, price, declaredPerMillion: usdPerMillion(2) })).toMatchObject({ cost: nanoUsd(6.2), origin: 'declared' });
    expect(estimate({ ...base, trainingTokens: 10, validationTokens: 0, price: { ...price, minimum: nanoUsd(4) } }).cost).toBe(nanoUsd(4));
  });

  // Published: at a saving of $0.0118 a call an endpoint of $584 a month (L4, 24 hours a day) pays from 49 k calls a month on.
  it.each([
    [0.8, 0.0118, 49_492],
    [0.8, 0.0021, 278_096],
    [7, 0.0021, 2_433_334],
  ])('says from which traffic an endpoint at $%s an hour pays at $%s saved a call', (usdPerHour, before, calls) => {
    const endpoint = { usdPerHour, what: 'a GPU', source: 's', asOf: 'd' };
    const { payback, endpointPerMonth } = estimate({ ...base, price, endpoint, perCall: { before: nanoUsd(before), after: 0 as NanoUsd } });
    expect(endpointPerMonth).toBe(nanoUsd(usdPerHour * 730));
    expect(payback?.callsPerMonthForEndpoint).toBe(calls);
  });

  it('is paid back after F ÷ Δc calls, and not one call earlier', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 0, max: 1e6 }), (before, after) => {
        const { cost, payback } = estimate({ ...base, price, perCall: { before: before as NanoUsd, after: after as NanoUsd } });
        const saved = before - after;
        if (saved <= 0) expect(payback?.calls).toBeNull();
        else {
          expect(payback!.calls! * saved).toBeGreaterThanOrEqual(cost!);
          expect((payback!.calls! - 1) * saved).toBeLessThan(cost!);
        }
      }),
    );
  });

  it('counts months with the endpoint and storage paid first', () => {
    const perCall = { before: nanoUsd(0.01), after: nanoUsd(0) };
    const storage = { ...price, storagePerMonth: nanoUsd(2) };
    expect(estimate({ ...base, price: storage, perCall, callsPerMonth: 1000 }).payback?.months).toBeCloseTo(1.55 / (10 - 2), 6);
    expect(estimate({ ...base, price: storage, perCall, callsPerMonth: 100 }).payback?.months).toBeNull();
  });

  it("gives way to the provider's own figure", () => {
    const perCall = { before: nanoUsd(0.01), after: nanoUsd(0) };
    const told = withProviderPrice(estimate({ ...base, perCall }), nanoUsd(5), { perCall, callsPerMonth: null });
    expect(told).toMatchObject({ cost: nanoUsd(5), origin: 'provider', payback: { calls: 500 } });
  });
});

describe('an approval', () => {
  const yes: Approval = { by: 'yes', cap: null, shown: null };
  it.each<[string, Approval | null, number | null, boolean, boolean]>([
    ['nobody', null, 1, false, true],
    ['a yes without a cap', yes, null, true, false],
    ['a cap above the cost', { ...yes, cap: nanoUsd(2) }, 1, true, false],
    ['a cap below the cost', { ...yes, cap: nanoUsd(0.5) }, 1, false, false],
    ['a cap over an unknown cost', { ...yes, cap: nanoUsd(100) }, null, false, false],
    ['a prompt that showed as much', { by: 'prompt', cap: null, shown: nanoUsd(1) }, 1, true, false],
    ['a prompt that showed less', { by: 'prompt', cap: null, shown: nanoUsd(0.9) }, 1, false, true],
    ['a prompt before the price was known', { by: 'prompt', cap: null, shown: null }, 1, false, true],
  ])('of %s', (_who, approval, cost, go, ask) => {
    const gate = approves(approval, cost === null ? null : nanoUsd(cost), false);
    expect([gate.go, gate.go ? false : gate.ask]).toEqual([go, ask]);
  });

  it('needs no price on a machine of one’s own', () => {
    expect(approves({ by: 'yes', cap: nanoUsd(1), shown: null }, null, true)).toEqual({ go: true });
  });
});

describe('the bundled prices', () => {
  it.each([
    ['Qwen/Qwen2.5-0.5B-Instruct', 0.5],
    ['accounts/fireworks/models/llama-v3p1-8b-instruct', 8],
    ['meta-llama/Meta-Llama-3.1-70B', 70],
    ['qwen2p5-1p5b', 1.5],
    ['mixtral-8x7b-instruct', null],
    ['gpt-4o-mini-2024-07-18', null],
    ['ministral-3b-latest', 3],
  ])('read the size of %s', (name, size) => {
    expect(billionsOf(name)).toBe(size);
  });

  it('are by provider, method and size, with source and day, and nothing where no row is about it', () => {
    const small = trainingPrice('fireworks', 'sft', 'llama-v3p1-8b-instruct');
    expect([toUsd((small!.perMillion! / 1) as NanoUsd), small!.source, small!.asOf]).toEqual([0.5, 'fireworks.ai/pricing', '2026-11-22']);
    expect(trainingPrice('fireworks', 'dpo', 'llama-v3p1-8b-instruct')).toBeNull();
    expect(trainingPrice('fireworks', 'sft', 'a-model-of-no-size')).toBeNull();
    expect(trainingPrice('mistral', 'classifier', 'ministral-3b-latest')).toMatchObject({ perMillion: null, minimum: nanoUsd(4) });
    expect(trainingPrice('local', 'sft', 'x-1b')).toBeNull();
    expect([endpointPrice('fireworks')?.usdPerHour, endpointPrice('openai')]).toEqual([7, null]);
  });
});
