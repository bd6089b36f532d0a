/** Weight of the worst-case atom: nothing beside one observation, yet enough for the likelihood to use it where no loss was seen. */
export const ATOM_WEIGHT = 1e-9;

/** A sample of Z: values, how often each was seen (null: once), and the number of independent units behind it. */
export interface Sample {
  readonly z: Float64Array;
  readonly weights: Float64Array | null;
  readonly n: number;
}

/** Mean of Z over the n units; exactly 0 where the sum is nothing but rounding, so that a ratio right at the floor looks the same in every form. */
export function sampleMean(sample: Sample): number {
  let sum = 0;
  let size = 0;
  for (let i = 0; i < sample.z.length; i += 1) {
    const term = sample.z[i]! * (sample.weights ? sample.weights[i]! : 1);
    sum += term;
    size += Math.abs(term);
  }
  return Math.abs(sum) <= 1e-12 * size ? 0 : sum / sample.n;
}

/**
 * E[Z²] under the likeliest distribution with E[Z] = 0 (empirical likelihood; for binary pairs the constrained MLE), for a sample
 * of positive mean. `worst` is the magnitude of the most negative value that Z can take, and `atom` the weight added there.
 *
 * The multiplier ν in (0, 1/worst) solves Σ w·z/(1+νz) = 0, whose left side falls in ν. It is searched as u = 1 − ν·worst on a
 * logarithmic scale, because without losses the root lies closer to 1/worst than doubles can tell apart.
 */
export function nullVariance(sample: Sample, worst: number, atom: number): number {
  const { z, weights, n } = sample;
  let positive = 0;
  for (let i = 0; i < z.length; i += 1) positive += Math.max(0, z[i]!) * (weights ? weights[i]! : 1);
  const tilted = (u: number) => {
    let sum = (-worst * atom) / u;
    for (let i = 0; i < z.length; i += 1) {
      const value = z[i]!;
      // 1 + νz written with worst + z, which is exact where z is close to −worst.
      const term = (value * worst) / (worst + value - u * value);
      sum += weights ? term * weights[i]! : term;
    }
    return sum;
  };
  // At this u the worst case alone outweighs every gain, so the sum is negative; at u = 1 it is n times the mean, positive.
  let low = Math.min(0, Math.log((worst * Math.max(atom, ATOM_WEIGHT)) / (2 * positive))) - 1;
  let high = 0;
  while (high - low > 1e-13 * Math.max(1, -low)) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (tilted(Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  const u = Math.exp((low + high) / 2);
  let variance = (worst * worst * atom) / u;
  for (let i = 0; i < z.length; i += 1) {
    const value = z[i]!;
    if (value === 0) continue;
    const term = (value * value * worst) / (worst + value - u * value);
    variance += weights ? term * weights[i]! : term;
  }
  return variance / n;
}

/**
 * The signed score statistic √n·mean/σ₀ with σ₀² = `nullVariance`. Positive means speak against E[Z] ≤ 0 with a worst case at −below,
 * negative ones against E[Z] ≥ 0 with a worst case at +above. `atoms` gives the weight added at each end.
 */
export function scoreStatistic(
  sample: Sample,
  range: { readonly below: number; readonly above: number },
  atoms: { readonly below: number; readonly above: number },
): number {
  const mean = sampleMean(sample);
  if (mean === 0) return 0;
  if (mean > 0) return mean * Math.sqrt(sample.n / nullVariance(sample, range.below, atoms.below));
  const mirrored = { ...sample, z: sample.z.map((value) => -value) };
  return mean * Math.sqrt(sample.n / nullVariance(mirrored, range.above, atoms.above));
}
