import { describe, expect, it } from 'vitest';
import { aCall } from '../../test/contracts/calls.ts';
import type { CapsConfig } from '../config/index.ts';
import { nanoUsd as usd } from '../core/index.ts';
import { loadTokenizer, PriceBook } from '../pricing/index.ts';
import { scanMembers } from '../providers/index.ts';
import { type Budget, Ledger } from '../run/index.ts';
import { ANYBODY } from './access.ts';
import { type Asked, declaredBudgets, gatewayBudgets } from './budgets.ts';
import { Refusal } from './refusal.ts';
import { routeOf } from './routes.ts';

const NOW = Date.UTC(2026, 0, 15, 18);
const MIDNIGHT = Date.UTC(2026, 0, 16);
const clock = { now: () => NOW, monotonic: () => NOW };
// A dollar per thousand output tokens, and next to nothing for input.
const prices = new PriceBook({
  declared: [{ provider: 'p', model: 'm', usdPerMillion: { input: 0.001, output: 1000 } }],
  warn: () => {},
});

function asked(body: object, caller: Partial<Asked['caller']> = {}, path = '/v1/chat/completions'): Asked {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    body: bytes,
    members: scanMembers(bytes),
    route: routeOf('POST', path, false),
    caller: { ...ANYBODY, key: 'app', ...caller },
    model: 'm',
    task: null,
    at: NOW,
  };
}

function budgetsWith(budgets: readonly Budget[], model = 'm', countTokens: ((text: string) => number) | null = null) {
  const ledger = new Ledger(budgets);
  const gateway = gatewayBudgets({
    ledger,
    prices,
    clock,
    modelsOf: () => [{ provider: 'p', model }],
    countTokens,
  });
  return { ledger, gateway };
}

const daily = (limit: number): readonly Budget[] => [{ scope: 'key', name: 'app', window: 'day', limit: usd(limit) }];
const caps = (parts: Partial<CapsConfig>): CapsConfig => ({ inputTokens: null, outputTokens: null, cost: null, ...parts });

function refusalOf(run: () => unknown): { readonly code: string; readonly message: string; readonly headers: readonly string[] } {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, message: error.message, headers: error.headers };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('budgets of a gateway', () => {
  it('hold back the worst case and settle what was spent', () => {
    const { ledger, gateway } = budgetsWith(daily(10));
    const reservation = gateway.reserve(asked({ model: 'm', max_tokens: 2000 }));
    expect(reservation?.outputLimit).toBeNull();
    const [held] = ledger.states(NOW);
    expect(held?.reserved).toBeGreaterThan(usd(2));
    expect(held?.reserved).toBeLessThan(usd(2.001));
    reservation?.settle(aCall({ cost: usd(0.5), at: NOW }));
    reservation?.settle(aCall({ cost: usd(0.25), at: NOW }));
    reservation?.release();
    expect(ledger.states(NOW)).toMatchObject([{ spent: usd(0.75), reserved: 0 }]);
  });

  it('set the output limit that is missing: 4,096, or the cap of the key', () => {
    const { gateway } = budgetsWith(daily(100));
    expect(gateway.reserve(asked({ model: 'm' }))?.outputLimit).toBe(4096);
    expect(gateway.reserve(asked({ model: 'm', max_tokens: null }))?.outputLimit).toBe(4096);
    expect(gateway.reserve(asked({ model: 'm' }, { caps: caps({ outputTokens: 50 }) }))?.outputLimit).toBe(50);
    expect(gateway.reserve(asked({ model: 'm', input: 'x' }, {}, '/v1/embeddings'))?.outputLimit).toBeNull();
  });

  it('count every choice, and the larger of two duplicate limits', () => {
    const { ledger, gateway } = budgetsWith(daily(100));
    gateway.reserve(asked({ model: 'm', max_tokens: 1000, n: 3 }));
    expect(Math.round((ledger.states(NOW)[0]?.reserved ?? 0) / 1e9)).toBe(3);
    const body = Buffer.from('{"model":"m","max_tokens":9000,"max_tokens":1}');
    gateway.reserve({ ...asked({}), body, members: scanMembers(body) });
    expect(Math.round((ledger.states(NOW)[0]?.reserved ?? 0) / 1e9)).toBe(12);
  });

  it('refuse in one sentence that says when the budget resets, with the headers that clients act on', () => {
    const { gateway } = budgetsWith(daily(1));
    const first = gateway.reserve(asked({ model: 'm', max_tokens: 900 }));
    first?.settle(aCall({ cost: usd(1), at: NOW }));
    first?.release();
    const refused = refusalOf(() => gateway.reserve(asked({ model: 'm', max_tokens: 900 }, {}, '/v1/messages')));
    expect(refusalOf(() => gateway.reserve(asked({ model: 'm', max_tokens: 900 }))).headers).toEqual(['retry-after', '21600']);
    expect(refused).toEqual({
      code: 'BUDGET_EXCEEDED',
      message:
        'The key "app" has spent its daily budget of $1.00; wait until it resets at 2026-01-16T00:00Z, or ask whoever runs this gateway to raise it.',
      headers: [
        ...['retry-after', '21600'],
        ...['anthropic-ratelimit-unified-status', 'rejected'],
        ...['anthropic-ratelimit-unified-reset', String(MIDNIGHT / 1000)],
        ...['anthropic-ratelimit-unified-overage-reset', String(MIDNIGHT / 1000)],
        ...['anthropic-ratelimit-unified-overage-utilization', '1'],
        ...['anthropic-ratelimit-unified-overage-surpassed-threshold', '1'],
        ...['anthropic-ratelimit-unified-overage-period', 'daily'],
        ...['anthropic-ratelimit-unified-overage-disabled-reason', 'org_spend_cap_reached'],
      ],
    });
  });

  it('say what is left and what is held when a request is too dear for the rest', () => {
    const { gateway } = budgetsWith(daily(1));
    gateway.reserve(asked({ model: 'm', max_tokens: 500 }));
    expect(refusalOf(() => gateway.reserve(asked({ model: 'm', max_tokens: 600 }))).message).toBe(
      'The key "app" has $0.5000 left of its daily budget of $1.00 and $0.5000 is held by requests under way, and this request may cost $0.6000; wait until it resets at 2026-01-16T00:00Z, or ask for fewer output tokens or have it raised.',
    );
  });

  it('tell a client under its budget how full it is, and warn above three quarters', () => {
    const { gateway } = budgetsWith(daily(10));
    const first = gateway.reserve(asked({ model: 'm', max_tokens: 1 }, {}, '/v1/messages'));
    expect(first?.headers).toEqual([
      ...['anthropic-ratelimit-unified-status', 'allowed'],
      ...['anthropic-ratelimit-unified-reset', String(MIDNIGHT / 1000)],
      ...['anthropic-ratelimit-unified-overage-reset', String(MIDNIGHT / 1000)],
      ...['anthropic-ratelimit-unified-overage-utilization', '0'],
      ...['anthropic-ratelimit-unified-representative-claim', 'overage'],
      ...['anthropic-ratelimit-unified-overage-status', 'allowed'],
    ]);
    first?.settle(aCall({ cost: usd(8.2), at: NOW }));
    first?.release();
    expect(gateway.reserve(asked({ model: 'm', max_tokens: 1 }, {}, '/v1/messages'))?.headers).toEqual([
      ...['anthropic-ratelimit-unified-status', 'allowed_warning'],
      ...['anthropic-ratelimit-unified-reset', String(MIDNIGHT / 1000)],
      ...['anthropic-ratelimit-unified-overage-reset', String(MIDNIGHT / 1000)],
      ...['anthropic-ratelimit-unified-overage-utilization', '0.82'],
      ...['anthropic-ratelimit-unified-representative-claim', 'overage'],
      ...['anthropic-ratelimit-unified-overage-status', 'allowed_warning'],
      ...['anthropic-ratelimit-unified-overage-surpassed-threshold', '0.75'],
    ]);
  });

  it('refuse a model without a price, and settle a row without one at the worst case', () => {
    expect(() => budgetsWith(daily(10), 'mystery').gateway.reserve(asked({ model: 'm' }))).toThrow(
      'The model "mystery" has no known price, so it cannot be used under a budget or a cost cap. Declare its price in the config.',
    );
    const { ledger, gateway } = budgetsWith(daily(10));
    const reservation = gateway.reserve(asked({ model: 'm', max_tokens: 1000 }));
    reservation?.settle(aCall({ cost: null, at: NOW }));
    reservation?.release();
    expect(ledger.states(NOW)[0]?.spent).toBeGreaterThan(usd(1));
  });

  it('book what is counted after the answer as well', () => {
    const { ledger, gateway } = budgetsWith(daily(10));
    const reservation = gateway.reserve(asked({ model: 'm', max_tokens: 1000 }));
    reservation?.release();
    reservation?.settle(aCall({ cost: usd(0.5), at: NOW }));
    expect(ledger.states(NOW)).toMatchObject([{ spent: usd(0.5), reserved: 0 }]);
  });

  it('cost nothing where nobody is limited', () => {
    expect(budgetsWith([]).gateway.reserve(asked({ model: 'm' }))).toBeNull();
  });

  it('are declared by keys, teams and tasks', () => {
    const keys = [
      { name: 'app', budget: { day: usd(1), month: null } },
      { name: 'free', budget: null },
    ];
    const budgets = { teams: new Map([['care', { day: null, month: usd(9) }]]), tasks: new Map([['t', { day: usd(2), month: usd(3) }]]) };
    expect(declaredBudgets(keys, budgets)).toEqual([
      { scope: 'key', name: 'app', window: 'day', limit: usd(1) },
      { scope: 'team', name: 'care', window: 'month', limit: usd(9) },
      { scope: 'task', name: 't', window: 'day', limit: usd(2) },
      { scope: 'task', name: 't', window: 'month', limit: usd(3) },
    ]);
  });
});

describe('caps of a request', () => {
  const { gateway } = budgetsWith([]);

  it('refuse more output tokens than the key may ask for, and set the limit where the request has none', () => {
    const mine = caps({ outputTokens: 100 });
    expect(() => gateway.reserve(asked({ model: 'm', max_completion_tokens: 101 }, { caps: mine }))).toThrow(
      'The request asks for up to 101 output tokens; this key may ask for 100.',
    );
    expect(gateway.reserve(asked({ model: 'm', max_completion_tokens: 100 }, { caps: mine }))).toMatchObject({ outputLimit: null });
    expect(gateway.reserve(asked({ model: 'm' }, { caps: mine }))).toMatchObject({ outputLimit: 100, headers: null });
  });

  it('refuse what can cost too much, and what has no price', () => {
    const mine = caps({ cost: usd(0.5) });
    expect(() => gateway.reserve(asked({ model: 'm', max_tokens: 501 }, { caps: mine }))).toThrow(
      'The request can cost up to $0.5010; this key may spend $0.5000 at once. Ask for fewer output tokens.',
    );
    expect(gateway.reserve(asked({ model: 'm', max_tokens: 400 }, { caps: mine }))).toMatchObject({ outputLimit: null });
  });

  it('count exactly what the estimate would refuse', async () => {
    const text = 'The invoice of last month holds several items that we cannot assign. '.repeat(50);
    const request = asked({ model: 'm', input: text }, { caps: caps({ inputTokens: 800 }) });
    const count = await loadTokenizer();
    expect(() => gateway.reserve(request)).toThrow(/^The request holds about 1\d{3} input tokens; this key may send 800 at once\.$/);
    expect(budgetsWith([], 'm', count).gateway.reserve(request)).not.toBeNull();
    const less = { ...request, caller: { ...request.caller, caps: caps({ inputTokens: 300 }) } };
    expect(() => budgetsWith([], 'm', count).gateway.reserve(less)).toThrow(/^The request holds about 6\d\d input tokens/);
  });
});
