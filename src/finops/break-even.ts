/** Hours in a month, 365 · 24 / 12, as hosts are billed. */
export const HOURS_PER_MONTH = 730;

/** Days in a month, 365 / 12 rounded as published figures do. */
export const DAYS_PER_MONTH = 30.4;

/**
 * The busy share of its hours from which a rented machine is cheaper than a hosted price: $/h ÷ (price per million · tokens/s · 3600 / 10⁶).
 * Above 1 it can never win on price.
 */
export function utilisationBreakEven(host: {
  readonly usdPerHour: number;
  readonly tokensPerSecond: number;
  readonly hostedUsdPerMillion: number;
}): number {
  const { usdPerHour, tokensPerSecond, hostedUsdPerMillion } = host;
  if (!(usdPerHour >= 0 && tokensPerSecond > 0 && hostedUsdPerMillion > 0)) {
    throw new RangeError('needs usdPerHour ≥ 0, tokensPerSecond > 0 and hostedUsdPerMillion > 0');
  }
  return usdPerHour / ((hostedUsdPerMillion * tokensPerSecond * 3600) / 1e6);
}

/** Calls a month from which a fixed monthly cost pays for itself: fixed ÷ (cost per call before − after); null for never. */
export function breakEvenVolume(plan: {
  readonly fixedUsdPerMonth: number;
  readonly usdPerCallBefore: number;
  readonly usdPerCallAfter: number;
}): number | null {
  const difference = plan.usdPerCallBefore - plan.usdPerCallAfter;
  return difference > 0 ? plan.fixedUsdPerMonth / difference : null;
}

/** Dollars a month for a steady number of calls a day, each of so many tokens at list prices per million. */
export function monthlyCost(traffic: {
  readonly callsPerDay: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
}): number {
  const perCall = (traffic.inputTokens * traffic.inputUsdPerMillion + traffic.outputTokens * traffic.outputUsdPerMillion) / 1e6;
  return traffic.callsPerDay * DAYS_PER_MONTH * perCall;
}
