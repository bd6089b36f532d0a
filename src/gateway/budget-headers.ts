import type { EpochMs } from '../core/index.ts';
import type { BudgetState } from '../run/index.ts';
import type { Family } from './parties.ts';

const PREFIX = 'anthropic-ratelimit-unified';

/** Whose clients read these headers. */
export const hearsLimits: Readonly<Record<Family, boolean>> = { anthropic: true, openai: false };

/** From which share of a budget on clients warn their user. */
const THRESHOLDS = [0.95, 0.75] as const;

/**
 * Rate limit headers for a payer whose budgets have room, from the one that is fullest: Anthropic's clients draw their own warning
 * from them. Names and values in turn.
 */
export function allowedHeaders(states: readonly BudgetState[]): readonly string[] {
  let fullest: BudgetState | null = null;
  for (const state of states) if (fullest === null || share(state) > share(fullest)) fullest = state;
  if (fullest === null) return [];
  const spent = share(fullest);
  const threshold = THRESHOLDS.find((step) => spent > step);
  const status = threshold === undefined ? 'allowed' : 'allowed_warning';
  const headers = [...common(fullest, status), `${PREFIX}-representative-claim`, 'overage', `${PREFIX}-overage-status`, status];
  if (threshold !== undefined) headers.push(`${PREFIX}-overage-surpassed-threshold`, String(threshold));
  return headers;
}

/** The headers of a refusal. Without a representative claim: with one, clients show a line of their own in place of our message. */
export function rejectedHeaders(state: BudgetState): readonly string[] {
  return [
    ...common(state, 'rejected'),
    `${PREFIX}-overage-surpassed-threshold`,
    '1',
    `${PREFIX}-overage-period`,
    state.window === 'day' ? 'daily' : 'monthly',
    `${PREFIX}-overage-disabled-reason`,
    'org_spend_cap_reached',
  ];
}

/** When a spent budget has room again. */
export function retryAfter(state: BudgetState, now: EpochMs): readonly string[] {
  return ['retry-after', String(Math.max(1, Math.ceil((state.resetsAt - now) / 1000)))];
}

function common(state: BudgetState, status: string): string[] {
  const reset = String(state.resetsAt / 1000);
  return [
    `${PREFIX}-status`,
    status,
    `${PREFIX}-reset`,
    reset,
    `${PREFIX}-overage-reset`,
    reset,
    `${PREFIX}-overage-utilization`,
    String(Math.round(share(state) * 100) / 100),
  ];
}

/** Spent, without what is only reserved: worst cases of requests under way would make the number jump. A budget of nothing is full. */
function share(state: BudgetState): number {
  return state.limit === 0 ? 1 : state.spent / state.limit;
}

/** Whether an upstream's header speaks of its own account's limits, which are not this client's. */
export function isForeignLimit(header: string): boolean {
  return header.startsWith('anthropic-ratelimit-');
}
