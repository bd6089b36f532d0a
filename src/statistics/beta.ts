import { binomialTerm } from './binomial-term.ts';

/** x^a (1−x)^b / B(a, b), which is also the derivative of I_x(a, b) by the logit of x. */
function betaKernel(x: number, a: number, b: number): number {
  return (binomialTerm(a, b, x) * a * b) / (a + b);
}

/** The continued fraction of the incomplete beta function by Lentz's method; converges fast for x < (a+1)/(a+b+2). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const safe = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return fraction;
}

/** I_x(a, b), the regularised incomplete beta function, for a, b > 0. Relative error below 1e-10 for a + b up to 1e5. */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (!(a > 0 && b > 0) || Number.isNaN(x)) return Number.NaN;
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const kernel = betaKernel(x, a, b);
  if (x < (a + 1) / (a + b + 2)) return (kernel * betaFraction(x, a, b)) / a;
  return 1 - (kernel * betaFraction(1 - x, b, a)) / b;
}

/** The x with I_x(a, b) = p. Newton steps on the logit scale, kept inside a shrinking bracket. NaN for p outside [0, 1]. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1) || !(a > 0 && b > 0)) return Number.NaN;
  if (p === 0 || p === 1) return p;
  let low = -700;
  let high = 37;
  let logit = Math.log(a / b);
  for (let step = 0; step < 400; step += 1) {
    const x = 1 / (1 + Math.exp(-logit));
    const value = regularizedBeta(x, a, b);
    if (value < p) low = logit;
    else high = logit;
    // On the log of the probability Newton also converges from far out in the tail.
    const newton = logit - (Math.log(value / p) * value) / betaKernel(x, a, b);
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const moved = Math.abs(next - logit);
    logit = next;
    if (moved <= 1e-15 * Math.max(1, Math.abs(logit))) break;
  }
  return 1 / (1 + Math.exp(-logit));
}
