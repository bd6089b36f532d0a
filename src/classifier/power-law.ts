import { quantileSorted, seededRandom } from '../statistics/index.ts';

/** error(n) = floor + scale × n^(−exponent): how learning curves fall (Hestness et al. 2017). */
export interface PowerLaw {
  readonly floor: number;
  readonly scale: number;
  readonly exponent: number;
}

/** A measured point: error of a model of `rows` rows, over `tested` held-out rows. */
export interface ErrorPoint {
  readonly rows: number;
  readonly error: number;
  readonly tested: number;
}

/** An expected change of accuracy with its 90 % interval, in shares of 1. */
export interface Gain {
  readonly gain: number;
  readonly low: number;
  readonly high: number;
}

const EXPONENTS = Array.from({ length: 19 }, (_, i) => 0.1 + i * 0.05);
const FLOORS = Array.from({ length: 16 }, (_, i) => i / 16);

/** The law's error after so many rows. */
export function errorAt({ floor, scale, exponent }: PowerLaw, rows: number): number {
  return floor + scale * rows ** -exponent;
}

/** Weighted least squares over a grid of exponents (0.1..1) and floors (0..15/16 of the least error seen). Needs a point at least. */
export function fitPowerLaw(points: readonly ErrorPoint[]): PowerLaw {
  const least = Math.min(...points.map((point) => point.error));
  let best: { readonly law: PowerLaw; readonly loss: number } | null = null;
  for (const exponent of EXPONENTS) {
    for (const share of FLOORS) {
      const floor = share * least;
      let numerator = 0;
      let denominator = 0;
      for (const { rows, error, tested } of points) {
        const basis = rows ** -exponent;
        numerator += tested * basis * (error - floor);
        denominator += tested * basis * basis;
      }
      const law = { floor, scale: Math.max(0, numerator / denominator), exponent };
      const loss = points.reduce((sum, { rows, error, tested }) => sum + tested * (error - errorAt(law, rows)) ** 2, 0);
      if (!best || loss < best.loss) best = { law, loss };
    }
  }
  return best!.law;
}

/** The law again from points that were moved by their own binomial noise: how sure the fit is. Deterministic for a seed. */
export function bootstrapLaws(points: readonly ErrorPoint[], draws: number, seed: number): PowerLaw[] {
  const random = seededRandom(seed);
  return Array.from({ length: draws }, () =>
    fitPowerLaw(
      points.map((point) => {
        // Half an error more and less than seen: a share of 0 is not without noise.
        const p = (point.error * point.tested + 0.5) / (point.tested + 1);
        const noisy = point.error + random.normal() * Math.sqrt((p * (1 - p)) / point.tested);
        return { ...point, error: Math.max(0, Math.min(1, noisy)) };
      }),
    ),
  );
}

/** What `more` rows beside the `rows` that there are add to accuracy: by the law, with the 5th and 95th percentile of the drawn laws. */
export function gainOf(law: PowerLaw, draws: readonly PowerLaw[], rows: number, more: number): Gain {
  const by = (each: PowerLaw) => errorAt(each, rows) - errorAt(each, rows + more);
  const sorted = draws.map(by).sort((a, b) => a - b);
  const gain = by(law);
  return { gain, low: Math.min(gain, quantileSorted(sorted, 0.05)), high: Math.max(gain, quantileSorted(sorted, 0.95)) };
}
