/** Expected dollars per request of routing, as plain numbers: planning figures, never bookings. */
export interface CascadeCost {
  /** Small for everything, the big model for the escalated share: small + escalation · big. */
  readonly perRequest: number;
  /** What was paid for small answers that were thrown away: escalation · small. */
  readonly escalationWaste: number;
  /** Saving against the big model for everything: 1 − (small/big + escalation). Negative when the cascade costs more. */
  readonly saving: number;
}

/** The cost of a cascade from the cost of one call to each model and the escalated share. Throws RangeError outside its domain. */
export function cascadeCost(cost: { readonly small: number; readonly big: number; readonly escalation: number }): CascadeCost {
  const { small, big, escalation } = cost;
  if (!(small >= 0) || !(big > 0)) throw new RangeError(`costs must be small ≥ 0 and big > 0, not ${small} and ${big}`);
  requireShare('escalation', escalation);
  const perRequest = small + escalation * big;
  return { perRequest, escalationWaste: escalation * small, saving: 1 - perRequest / big };
}

/** The largest escalated share at which a cascade still saves this much: 1 − saving − small/big; negative when it never does. */
export function escalationForSaving(cost: { readonly small: number; readonly big: number; readonly saving: number }): number {
  if (!(cost.small >= 0) || !(cost.big > 0)) throw new RangeError('costs must be small ≥ 0 and big > 0');
  return 1 - cost.saving - cost.small / cost.big;
}

/** Saving of triage before the call: 1 − Σ share·cost / cost of the ceiling, less what triage itself costs. Shares must add up to 1. */
export function mixSaving(mix: readonly { readonly share: number; readonly cost: number }[], ceilingCost: number, triageCost = 0): number {
  const shares = mix.reduce((sum, part) => sum + part.share, 0);
  if (Math.abs(shares - 1) > 1e-9) throw new RangeError(`shares add up to ${shares}, not to 1`);
  if (!(ceilingCost > 0)) throw new RangeError(`the ceiling must cost something, not ${ceilingCost}`);
  const cost = mix.reduce((sum, part) => sum + part.share * part.cost, 0) + triageCost;
  return 1 - cost / ceilingCost;
}

function requireShare(name: string, share: number): void {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`${name} must be between 0 and 1, not ${share}`);
}
