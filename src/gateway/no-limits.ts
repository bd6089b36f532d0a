import type { Ledger, Observer } from './types.ts';

/** No budget is declared, so nothing is held back. */
export const noBudgets: Ledger = { reserve: () => null };

/** Nobody listens but the operator's terminal. */
export function quietObserver(warn: (message: string) => void): Observer {
  return { began: () => null, recorded: () => {}, ended: () => {}, warn };
}
