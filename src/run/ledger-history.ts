import type { EpochMs, NanoUsd } from '../core/index.ts';
import type { BillRow, CallStore } from '../store/types.ts';
import type { BudgetScope, Ledger, Spending } from './ledger.ts';
import { type BudgetWindow, windowStart } from './ledger-window.ts';

const HOUR_MS = 3_600_000;

/**
 * What the record says about every budget of a ledger in the windows that hold `at`, from rollups alone. Evaluations are not counted:
 * they are booked to a task, but no request of the gateway paid for them.
 */
export async function readSpending(ledger: Ledger, calls: Pick<CallStore, 'bill'>, at: EpochMs): Promise<readonly Spending[]> {
  const wanted = new Set(ledger.states(at).map(({ scope, window }) => `${scope} ${window}`));
  const to = Math.floor(at / HOUR_MS) * HOUR_MS + HOUR_MS;
  const spending: Spending[] = [];
  for (const pair of wanted) {
    const [scope, window] = pair.split(' ') as [BudgetScope, BudgetWindow];
    const start = windowStart(window, at);
    const rows = await calls.bill({ from: start, to }, [scope, 'purpose']);
    for (const [name, spent] of sumByName(rows, scope)) spending.push({ scope, name, window, start, spent });
  }
  return spending;
}

function sumByName(rows: readonly BillRow[], scope: BudgetScope): ReadonlyMap<string, NanoUsd> {
  const sums = new Map<string, NanoUsd>();
  for (const { dimensions, cost } of rows) {
    const name = dimensions[scope] ?? null;
    if (name !== null && dimensions.purpose !== 'eval') sums.set(name, ((sums.get(name) ?? 0) + cost) as NanoUsd);
  }
  return sums;
}

/**
 * Lets a ledger remember what was spent before it was made, or while its record could not be read. `drain` resolves true once everything
 * that was settled before the call is in the store; false leaves the ledger as it is and returns false.
 */
export async function restoreLedger(
  ledger: Ledger,
  calls: Pick<CallStore, 'bill'>,
  world: { readonly drain: () => Promise<boolean>; readonly now: () => EpochMs },
): Promise<boolean> {
  const mark = ledger.mark();
  if (!(await world.drain())) return false;
  const at = world.now();
  ledger.restore(await readSpending(ledger, calls, at), mark, at);
  return true;
}
