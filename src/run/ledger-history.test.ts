import { describe, expect, it } from 'vitest';
import { aBareCall } from '../../test/contracts/calls.ts';
import { type Call, nanoUsd as usd } from '../core/index.ts';
import { openSqliteStore, type Store } from '../store/index.ts';
import { type Budget, type BudgetRefusal, Ledger, type Reservation } from './ledger.ts';
import { restoreLedger } from './ledger-history.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 86_400_000;

const budgets: readonly Budget[] = [
  { scope: 'key', name: 'app', window: 'day', limit: usd(10) },
  { scope: 'key', name: 'app', window: 'month', limit: usd(100) },
  { scope: 'task', name: 'classify', window: 'month', limit: usd(100) },
];

function spent(parts: Partial<Call>, dollars: number): Call {
  return aBareCall({ at: NOON, key: 'app', team: 'care', task: 'classify', purpose: 'answer', cost: usd(dollars), ...parts });
}

async function storeWith(calls: readonly Call[]): Promise<Store> {
  const store = await openSqliteStore(':memory:');
  await store.calls.append(calls);
  return store;
}

const world = { drain: async () => true, now: () => NOON };

describe('a ledger that is restored', () => {
  it('remembers the spending of the running day and month, but not that of evaluations and of others', async () => {
    const store = await storeWith([
      spent({}, 1),
      spent({ at: NOON - DAY_MS }, 2),
      spent({ at: NOON - 40 * DAY_MS }, 4),
      spent({ purpose: 'eval' }, 8),
      spent({ key: 'other', task: null }, 16),
    ]);
    const ledger = new Ledger(budgets);
    expect(await restoreLedger(ledger, store.calls, world)).toBe(true);
    expect(ledger.states(NOON).map(({ scope, window, spent }) => [scope, window, spent])).toEqual([
      ['key', 'day', usd(1)],
      ['key', 'month', usd(3)],
      ['task', 'month', usd(3)],
    ]);
    await store.close();
  });

  it('counts what it settled itself once, however often it is restored', async () => {
    const store = await storeWith([spent({}, 1)]);
    const ledger = new Ledger(budgets);
    const payer = { key: 'app', team: null, task: null };
    ledger.settle(ledger.reserve(payer, usd(2), NOON) as Reservation, usd(2));
    await store.calls.append([spent({ task: null }, 2)]);
    await restoreLedger(ledger, store.calls, world);
    await restoreLedger(ledger, store.calls, world);
    ledger.settle(ledger.reserve(payer, usd(3), NOON) as Reservation, usd(3));
    expect(ledger.states(NOON, payer).map((state) => state.spent)).toEqual([usd(6), usd(6)]);
    expect((ledger.reserve(payer, usd(5), NOON) as BudgetRefusal).refused.left).toBe(usd(4));
    await store.close();
  });

  it('keeps what is settled and held while the record is read', async () => {
    const store = await storeWith([spent({}, 1)]);
    const ledger = new Ledger(budgets);
    const payer = { key: 'app', team: null, task: null };
    const held = ledger.reserve(payer, usd(2), NOON) as Reservation;
    const drain = async () => {
      ledger.settle(held, usd(2));
      ledger.reserve(payer, usd(4), NOON);
      return true;
    };
    await restoreLedger(ledger, store.calls, { ...world, drain });
    expect(ledger.states(NOON, payer)[0]).toMatchObject({ spent: usd(3), reserved: usd(4), left: usd(3) });
    await store.close();
  });

  it('stays as it is when the record cannot be completed', async () => {
    const store = await storeWith([spent({}, 1)]);
    const ledger = new Ledger(budgets);
    expect(await restoreLedger(ledger, store.calls, { ...world, drain: async () => false })).toBe(false);
    expect(ledger.states(NOON).map((state) => state.spent)).toEqual([0, 0, 0]);
    await store.close();
  });
});
