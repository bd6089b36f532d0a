import { type EpochMs, type NanoUsd, toUsd } from '../../core/index.ts';
import type { AuditTotal, DaySpend } from '../types.ts';
import type { Reconciliation } from './types.ts';

const DAY_MS = 86_400_000;

/** Invoiced sums beside the log's own, per provider, over the days (UTC) that the invoice is about. Rows of usage charge nothing and are left out. */
export function reconcile(totals: readonly AuditTotal[], byDay: readonly DaySpend[]): readonly Reconciliation[] {
  const providers = new Map<string, { from: EpochMs; to: EpochMs; charged: number }>();
  for (const { provider, from, to, charged } of totals) {
    if (charged === null || provider === null) continue;
    const end = to ?? from + DAY_MS;
    const known = providers.get(provider);
    if (known === undefined) providers.set(provider, { from, to: end, charged });
    else providers.set(provider, { from: Math.min(known.from, from), to: Math.max(known.to, end), charged: known.charged + charged });
  }
  return [...providers].map(([provider, { from, to, charged }]) => {
    const logged = loggedBetween(byDay, provider, from, to);
    return {
      provider,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      invoicedUsd: toUsd(charged as NanoUsd),
      loggedUsd: toUsd(logged as NanoUsd),
      differenceUsd: toUsd((charged - logged) as NanoUsd),
      differenceShare: charged === 0 ? null : (charged - logged) / charged,
    };
  });
}

function loggedBetween(byDay: readonly DaySpend[], provider: string, from: EpochMs, to: EpochMs): number {
  const first = Math.floor(from / DAY_MS) * DAY_MS;
  return byDay.reduce((sum, spend) => {
    const start = spend.day === null ? Number.NaN : Date.parse(spend.day);
    return spend.provider === provider && start >= first && start < to ? sum + spend.cost : sum;
  }, 0);
}
