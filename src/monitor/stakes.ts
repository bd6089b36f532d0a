/** ν: the stakes that every detector here bets with at once, as no single one is right for small drops and large ones. */
export const STAKES = [0.02, 0.05, 0.1, 0.2, 0.4] as const;

/**
 * 1 − ν·w·Z: what a stake of 1 against "retains at least ρ" becomes. With Z in [−1, 1] and w in [0, 1] it lies in [1 − ν, 1 + ν], so no bet goes
 * broke. RangeError outside of that, because the guarantee would be gone unseen.
 */
export function growth(stake: number, score: number, weight: number): number {
  if (!(score >= -1 && score <= 1)) throw new RangeError(`not a retention score: ${score}`);
  if (!(weight > 0 && weight <= 1)) throw new RangeError(`not an audit weight: ${weight}`);
  return 1 - stake * weight * score;
}
