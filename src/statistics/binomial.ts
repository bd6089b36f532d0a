import { regularizedBeta } from './beta.ts';
import { binomialTerm } from './binomial-term.ts';

/** P(X = k) of a binomial with n trials of probability p; 0 for a k outside 0…n. Relative error below 1e-11 for n up to 1e5. */
export function binomialPmf(k: number, n: number, p: number): number {
  if (!Number.isInteger(k) || k < 0 || k > n) return 0;
  return binomialTerm(k, n - k, p);
}

/** P(X ≤ k) of a binomial with n trials of probability p, by the incomplete beta function. */
export function binomialCdf(k: number, n: number, p: number): number {
  const whole = Math.floor(k);
  if (whole < 0) return 0;
  if (whole >= n) return 1;
  return regularizedBeta(1 - p, n - whole, whole + 1);
}

/** Exact two-sided McNemar test: the p-value of b against c discordant pairs under equal chances; 1 when there are none. */
export function mcnemarExact(b: number, c: number): number {
  return Math.min(1, 2 * binomialCdf(Math.min(b, c), b + c, 0.5));
}
