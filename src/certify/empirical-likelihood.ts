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
function nullVariance(sample: Sample, worst: number, atom: number): number {
  const { z, weights, n } = sample;
  const u = tiltOf(sample, worst, atom);
  let variance = (worst * worst * atom) / u;
  for (let i = 0; i < z.length; i += 1) {
    const value = z[i]!;
    if (value === 0) continue;
    const term = (value * value * worst) / (worst + value - u * value);
    variance += weights ? term * weights[i]! : term;
  }
  return variance / n;
}

/** The root u in (0, 1) of `nullVariance`: Newton steps on log u, and halving of the bracket where a step would leave it. */
function tiltOf({ z, weights }: Sample, worst: number, atom: number): number {
  let positive = 0;
  for (let i = 0; i < z.length; i += 1) positive += Math.max(0, z[i]!) * (weights ? weights[i]! : 1);
  // At this u the worst case alone outweighs every gain, so the sum is negative; at u = 1 it is n times the mean, positive.
  let low = Math.min(0, Math.log((worst * Math.max(atom, ATOM_WEIGHT)) / (2 * positive))) - 1;
  let high = 0;
  let x = 0;
  for (let step = 0; step < 200; step += 1) {
    const u = Math.exp(x);
    let sum = (-worst * atom) / u;
    let slope = (worst * atom) / u;
    for (let i = 0; i < z.length; i += 1) {
      const value = z[i]!;
      // 1 + νz written with worst + z, which is exact where z is close to −worst.
      const tilted = value / (worst + value - u * value);
      const weight = weights ? weights[i]! : 1;
      sum += weight * worst * tilted;
      slope += weight * worst * u * tilted * tilted;
    }
    if (sum > 0) high = x;
    else low = x;
    const newton = x - sum / slope;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const moved = Math.abs(next - x);
    x = next;
    if (moved <= 1e-14 * Math.max(1, -x)) break;
  }
  return Math.exp(x);
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
