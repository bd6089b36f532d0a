const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** The remainder of Stirling's series for log Γ(x): exact to rounding for x ≥ 15. */
function stirlingTail(x: number): number {
  const s = 1 / (x * x);
  return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - (s * 691) / 360360))))) / x;
}

/** log Γ(x) for x > 0, with absolute error below 1e-14 · max(1, |log Γ(x)|). NaN for x < 0, Infinity at 0. */
export function logGamma(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Infinity;
  // Shift up to where the series holds; the product of at most 15 factors stays far from overflow.
  let product = 1;
  let shifted = x;
  while (shifted < 15) {
    product *= shifted;
    shifted += 1;
  }
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TWO_PI + stirlingTail(shifted) - Math.log(product);
}

/** log Γ(x+1) minus Stirling's leading terms: what Loader's saddle-point form of the binomial needs. x > 0. */
export function stirlingError(x: number): number {
  if (x >= 15) return stirlingTail(x);
  return logGamma(x + 1) - (x + 0.5) * Math.log(x) + x - HALF_LOG_TWO_PI;
}

/** log of the sum of exp(values), without overflow; −Infinity for no values. */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i += 1) largest = Math.max(largest, values[i]!);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}
