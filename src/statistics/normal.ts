const SQRT_PI = Math.sqrt(Math.PI);

/** erf by its all-positive series: exact to rounding for 0 ≤ x ≤ 2. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * Math.exp(-x * x) * sum;
}

/** erfc by Laplace's continued fraction, evaluated from the tail: keeps its relative accuracy for x ≥ 2. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let k = 120; k >= 1; k -= 1) tail = x + k / 2 / tail;
  return Math.exp(-x * x) / (SQRT_PI * tail);
}

/** Φ(z), the standard normal distribution function, with relative error below 1e-12 in both tails. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  if (Number.isNaN(x)) return Number.NaN;
  if (x === Infinity) return z > 0 ? 1 : 0;
  if (x < 2) return z < 0 ? (1 - erfSeries(x)) / 2 : (1 + erfSeries(x)) / 2;
  const tail = erfcFraction(x) / 2;
  return z < 0 ? tail : 1 - tail;
}

/** The z with Φ(z) = p; ±Infinity at 1 and 0, NaN outside [0, 1]. Newton steps on log Φ from Abramowitz and Stegun 26.2.23. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0) return -Infinity;
  const t = Math.sqrt(-2 * Math.log(p));
  let z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (let step = 0; step < 20; step += 1) {
    const cdf = normalCdf(z);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    // On the log scale the steps stay well behaved far out in the tail, where the density is tiny.
    const move = (Math.log(cdf / p) * cdf) / density;
    z -= move;
    if (Math.abs(move) <= 1e-15 * Math.max(1, Math.abs(z))) break;
  }
  return p === 0.5 ? 0 : z;
}
