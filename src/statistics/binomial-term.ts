import { stirlingError } from './gamma.ts';

/** a·log(a/m) + m − a without cancellation when a is close to m (Loader 2000, `bd0`). */
function deviance(a: number, m: number): number {
  const difference = a - m;
  if (Math.abs(difference) >= 0.1 * (a + m)) return a * Math.log(a / m) + m - a;
  const v = difference / (a + m);
  let sum = difference * v;
  let power = 2 * a * v;
  for (let j = 1; j < 1000; j += 1) {
    power *= v * v;
    const next = sum + power / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * Γ(a+b+1)/(Γ(a+1)Γ(b+1)) · x^a · (1−x)^b by Loader's saddle-point form: the binomial probability of a in a+b,
 * also for a and b that are not whole. No large logarithms cancel, so it is accurate for any size.
 */
export function binomialTerm(a: number, b: number, x: number): number {
  const n = a + b;
  if (x <= 0) return a === 0 ? 1 : 0;
  if (x >= 1) return b === 0 ? 1 : 0;
  if (a === 0) return Math.exp(n * Math.log1p(-x));
  if (b === 0) return Math.exp(n * Math.log(x));
  const exponent = stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * (1 - x));
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * a * b));
}
