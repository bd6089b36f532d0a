/** Whole billionths of a US dollar. An integer, so sums stay exact up to $9.0 million. */
export type NanoUsd = number & { readonly unit: 'nanoUSD' };

/** Whole nano-dollars per million tokens: $0.0375 per million is 37,500,000. Exact for every price published today. */
export type NanoUsdPerMillion = number & { readonly unit: 'nanoUSD/1e6' };

export const ZERO_USD = 0 as NanoUsd;

/** Reads dollars as nano-dollars, rounded to the nearest one. Throws RangeError for a value that is not finite or too large to sum. */
export function nanoUsd(usd: number): NanoUsd {
  const nano = Math.round(usd * 1e9);
  if (!Number.isSafeInteger(nano)) throw new RangeError(`not a sum of money in range: ${usd}`);
  return nano as NanoUsd;
}

/** Reads a list price in dollars per million tokens. Throws RangeError for a value that is negative or not finite. */
export function usdPerMillion(usd: number): NanoUsdPerMillion {
  const nano = Math.round(usd * 1e9);
  if (!Number.isSafeInteger(nano) || nano < 0) throw new RangeError(`not a price per million: ${usd}`);
  return nano as NanoUsdPerMillion;
}

/** Dollars as a floating-point number, for display and JSON only: never add these up. */
export function toUsd(amount: NanoUsd): number {
  return amount / 1e9;
}

/** Adds exactly. Throws RangeError past $9.0 million, where integers stop being exact. */
export function addUsd(...amounts: readonly NanoUsd[]): NanoUsd {
  let sum = 0;
  for (const amount of amounts) sum += amount;
  if (!Number.isSafeInteger(sum)) throw new RangeError('sum of money out of the exact range');
  return sum as NanoUsd;
}

/** tokens × price, rounded half up to a whole nano-dollar; exact for any count and price (BigInt where a double would round). */
export function costOfTokens(tokens: number, price: NanoUsdPerMillion): NanoUsd {
  const product = tokens * price;
  if (Number.isSafeInteger(product)) return Math.round(product / 1e6) as NanoUsd;
  return Number((BigInt(Math.round(tokens)) * BigInt(price) + 500_000n) / 1_000_000n) as NanoUsd;
}

/** Prints dollars for people: cents for sums above a dollar, four significant digits below it. */
export function formatUsd(amount: NanoUsd | null): string {
  if (amount === null) return 'unpriced';
  const usd = toUsd(amount);
  const size = Math.abs(usd);
  if (size === 0) return '$0';
  if (size >= 1) return `${usd < 0 ? '-' : ''}$${size.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return `${usd < 0 ? '-' : ''}$${Number(size.toPrecision(4)).toFixed(Math.min(9, Math.max(4, 3 - Math.floor(Math.log10(size)))))}`.replace(
    /(\.\d{4}\d*?)0+$/,
    '$1',
  );
}
