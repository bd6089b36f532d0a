/** One-sided 5 % and 80 % power, as planning tables print them. */
const Z_ALPHA = 1.645;
const Z_POWER = 0.842;

/**
 * Paired items that a plain non-inferiority test is planned with: (1.645 + 0.842)² · d ÷ δ², d the share of discordant pairs and δ the margin. A
 * rule of thumb to budget an eval with; a certificate asks for its own number.
 */
export function promotionItems(plan: { readonly discordance: number; readonly margin: number }): number {
  const { discordance, margin } = plan;
  if (!(discordance > 0 && discordance <= 1 && margin > 0 && margin <= 1))
    throw new RangeError('discordance and margin are shares above 0');
  return Math.ceil(((Z_ALPHA + Z_POWER) ** 2 * discordance) / margin ** 2);
}
