import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd } from '../core/index.ts';
import { type Budget, type BudgetRefusal, Ledger, type Payer, type Reservation } from './ledger.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const usd = nanoUsd;

function budget(scope: Budget['scope'], name: string, window: Budget['window'], limit: number): Budget {
  return { scope, name, window, limit: usd(limit) };
}

function payer(parts: Partial<Payer> = {}): Payer {
  return { key: null, team: null, task: null, ...parts };
}

function granted(result: Reservation | BudgetRefusal): Reservation {
  if ('refused' in result) throw new Error(`refused by ${result.refused.scope} ${result.refused.name}`);
  return result;
}

describe('a ledger', () => {
  it('lets one of fifty requests pass when a budget has room for one', () => {
    const ledger = new Ledger([budget('key', 'app', 'day', 1)]);
    const results = Array.from({ length: 50 }, () => ledger.reserve(payer({ key: 'app' }), usd(0.6), NOON));
    expect(results.filter((result) => !('refused' in result))).toHaveLength(1);
  });

  it('names the budget that has no room, what is spent, what is held and when it resets', () => {
    const ledger = new Ledger([budget('key', 'app', 'month', 10), budget('team', 'support', 'day', 1)]);
    const who = payer({ key: 'app', team: 'support' });
    ledger.settle(granted(ledger.reserve(who, usd(0.5), NOON)), usd(0.25));
    granted(ledger.reserve(who, usd(0.5), NOON));
    expect(ledger.reserve(who, usd(0.5), NOON)).toEqual({
      amount: usd(0.5),
      refused: {
        ...budget('team', 'support', 'day', 1),
        spent: usd(0.25),
        reserved: usd(0.5),
        left: usd(0.25),
        resetsAt: Date.UTC(2026, 1, 1),
      },
    });
  });

  it('takes from every budget of a payer or from none', () => {
    const ledger = new Ledger([budget('key', 'app', 'day', 5), budget('task', 'classify', 'day', 1)]);
    ledger.reserve(payer({ key: 'app', task: 'classify' }), usd(2), NOON);
    expect(ledger.states(NOON).map(({ scope, reserved }) => [scope, reserved])).toEqual([
      ['key', 0],
      ['task', 0],
    ]);
  });

  it('books what a request really cost, more than was held too, and each reservation once', () => {
    const ledger = new Ledger([budget('key', 'app', 'day', 1)]);
    const reservation = granted(ledger.reserve(payer({ key: 'app' }), usd(0.1), NOON));
    ledger.settle(reservation, usd(0.3));
    ledger.settle(reservation, usd(0.3));
    ledger.release(reservation);
    expect(ledger.states(NOON)).toMatchObject([{ spent: usd(0.3), reserved: 0, left: usd(0.7) }]);
  });

  it('begins days and months anew in UTC, and owes nothing for what was reserved before', () => {
    const ledger = new Ledger([budget('key', 'app', 'day', 1), budget('key', 'app', 'month', 3)]);
    const who = payer({ key: 'app' });
    const late = granted(ledger.reserve(who, usd(1), NOON));
    const midnight = Date.UTC(2026, 1, 1);
    expect(ledger.reserve(who, usd(0.1), midnight - 1)).toHaveProperty('refused');
    granted(ledger.reserve(who, usd(0.5), midnight));
    ledger.settle(late, usd(1));
    expect(ledger.states(midnight).map(({ window, spent, reserved }) => [window, spent, reserved])).toEqual([
      ['day', 0, usd(0.5)],
      ['month', 0, usd(0.5)],
    ]);
  });

  it('limits nobody whom no budget names, and keeps what was spent when a limit changes', () => {
    const ledger = new Ledger([budget('key', 'app', 'day', 1)]);
    expect(ledger.limits(payer({ key: 'other', task: 'app' }))).toBe(false);
    granted(ledger.reserve(payer({ key: 'other' }), usd(1_000), NOON));
    ledger.settle(granted(ledger.reserve(payer({ key: 'app' }), usd(1), NOON)), usd(1));
    ledger.setLimits('key', 'app', { day: usd(3), month: usd(9) });
    expect(ledger.states(NOON, payer({ key: 'app' })).map(({ left }) => left)).toEqual([usd(2), usd(9)]);
    ledger.setLimits('key', 'app', {});
    expect(ledger.limits(payer({ key: 'app' }))).toBe(false);
  });

  it('refuses amounts that are none', () => {
    const ledger = new Ledger();
    for (const amount of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => ledger.reserve(payer(), amount as NanoUsd, NOON)).toThrow(RangeError);
    }
  });

  it('never holds and spends more than a limit, whatever the order, as long as nothing costs more than was reserved', () => {
    const step = fc.record({
      key: fc.constantFrom(null, 'a', 'b'),
      team: fc.constantFrom(null, 't'),
      task: fc.constantFrom(null, 'x'),
      amount: fc.integer({ min: 0, max: 40 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      end: fc.constantFrom('later', 'settle', 'release'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat(59), { maxLength: 60 }), (steps, order) => {
        const budgets: Budget[] = [
          { scope: 'key', name: 'a', window: 'day', limit: 100 as NanoUsd },
          { scope: 'key', name: 'b', window: 'month', limit: 60 as NanoUsd },
          { scope: 'team', name: 't', window: 'day', limit: 120 as NanoUsd },
          { scope: 'task', name: 'x', window: 'month', limit: 90 as NanoUsd },
        ];
        const ledger = new Ledger(budgets);
        const open: ({ reservation: Reservation; actual: NanoUsd } | null)[] = [];
        const paid = new Map<string, number>();
        const settle = (item: NonNullable<(typeof open)[number]>, who: readonly string[]) => {
          ledger.settle(item.reservation, item.actual);
          for (const name of who) paid.set(name, (paid.get(name) ?? 0) + item.actual);
        };
        const names: (readonly string[])[] = [];
        for (const { key, team, task, amount, share, end } of steps) {
          const result = ledger.reserve({ key, team, task }, amount as NanoUsd, NOON);
          if (!('refused' in result)) {
            const item = { reservation: result, actual: Math.floor(amount * share) as NanoUsd };
            const who = [key, team, task].filter((name) => name !== null);
            if (end === 'later') {
              open.push(item);
              names.push(who);
            } else if (end === 'settle') settle(item, who);
            else ledger.release(item.reservation);
          }
          for (const state of ledger.states(NOON)) expect(state.spent + state.reserved).toBeLessThanOrEqual(state.limit);
        }
        for (const index of [...order, ...open.keys()]) {
          const item = open[index];
          const who = names[index];
          if (!item || !who) continue;
          open[index] = null;
          settle(item, who);
        }
        expect(ledger.states(NOON).map(({ name, spent, reserved }) => [name, spent, reserved])).toEqual(
          ledger.states(NOON).map(({ name }) => [name, paid.get(name) ?? 0, 0]),
        );
      }),
    );
  });
});
