import type { EpochMs, NanoUsd } from '../core/index.ts';
import type { InfeasibleReason, Need, Rung } from './types.ts';

/** What is left of a request's money and time. Null means no limit. */
export interface Limits {
  readonly budgetLeft: NanoUsd | null;
  readonly now: EpochMs;
  readonly deadlineAt: EpochMs | null;
}

/** A need that every model meets, limits apart. */
export const ANY_MODEL: Need = { capabilities: new Set(), tokens: 0, boundaries: null };

/**
 * Why a rung cannot be called, or null when it can. What no money or time would change is named first, so `budget` and `deadline`
 * mean that nothing else stands in the way. Under a budget a rung without a price is infeasible: its cost has no bound.
 */
export function infeasible(rung: Rung, need: Need, limits: Limits): InfeasibleReason | null {
  if (!rung.available) return 'unavailable';
  if (need.boundaries !== null && !need.boundaries.has(rung.boundary)) return 'boundary';
  for (const capability of need.capabilities) if (!rung.capabilities.has(capability)) return 'capability';
  if (rung.contextWindow !== null && need.tokens > rung.contextWindow) return 'context-window';
  if (limits.budgetLeft !== null && rung.estimatedCost === null) return 'unpriced';
  if (limits.deadlineAt !== null && limits.now >= limits.deadlineAt) return 'deadline';
  if (limits.deadlineAt !== null && rung.estimatedMs !== null && limits.now + rung.estimatedMs > limits.deadlineAt) return 'deadline';
  if (limits.budgetLeft !== null && rung.estimatedCost !== null && rung.estimatedCost > limits.budgetLeft) return 'budget';
  return null;
}
