/** Sharpest and flattest softmax that is ever fitted, as 1 / temperature. */
const LOW = 1e-3;
const HIGH = 1e3;
/** Halvings of that range: to a millionth of the temperature. */
const STEPS = 24;

/** Margins of rows that the model was not trained on: row r's decision values from `r × classes`, and the class that was right, −1 for none of them. */
export interface HeldOutMargins {
  readonly classes: number;
  readonly margins: Float32Array;
  readonly gold: Int32Array;
}

/**
 * The temperature T that makes softmax(margins / T) most likely on held-out rows (Guo et al. 2017).
 * Bisection on the slope of the negative log-likelihood, which is convex in 1 / T; kept within 0.001 and 1000.
 */
export function fitTemperature(held: HeldOutMargins): number {
  let low = Math.log(LOW);
  let high = Math.log(HIGH);
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (slope(held, Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp(-(low + high) / 2);
}

/** How far a gold label is from certain: so that a few rows, all of them right, do not make a model certain (the rule of succession). */
export function doubtOf(rows: number): number {
  return 1 / (rows + 2);
}

/** d(negative log-likelihood)/d(1/T): expected margin under the softmax minus the margin of the right class, summed over rows. */
function slope(held: HeldOutMargins, sharpness: number): number {
  const { classes, margins, gold } = held;
  const doubt = doubtOf(gold.length);
  let total = 0;
  for (let row = 0; row < gold.length; row += 1) {
    if (gold[row]! < 0) continue;
    const at = row * classes;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k += 1) if (margins[at + k]! > highest) highest = margins[at + k]!;
    let sum = 0;
    let weighted = 0;
    let plain = 0;
    for (let k = 0; k < classes; k += 1) {
      const share = Math.exp((margins[at + k]! - highest) * sharpness);
      sum += share;
      weighted += share * margins[at + k]!;
      plain += margins[at + k]!;
    }
    total += weighted / sum - (1 - doubt) * margins[at + gold[row]!]! - (doubt * plain) / classes;
  }
  return total;
}
