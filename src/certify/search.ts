/**
 * The end of a bracket on which `margin` is still ≥ 0, for a margin that falls through 0 between `passing` and `failing`:
 * regula falsi with Illinois weights, halving where that stalls. The answer lies within 1e-10 of the crossing, on the passing side.
 */
export function lastPassing(margin: (x: number) => number, passing: number, failing: number): number {
  let a = passing;
  let b = failing;
  let atA = margin(a);
  let atB = margin(b);
  if (!(atA >= 0)) return a;
  if (atB >= 0) return b;
  for (let step = 0; step < 200 && b - a > 1e-10; step += 1) {
    const guess = a + ((b - a) * atA) / (atA - atB);
    const width = b - a;
    // Every third step halves the bracket, so that a crooked margin cannot keep one end in place for ever.
    const inside = step % 3 !== 2 && Number.isFinite(guess) && guess > a && guess < b;
    const x = inside ? Math.min(Math.max(guess, a + width * 1e-3), b - width * 1e-3) : a + width / 2;
    if (x <= a || x >= b) break;
    const value = margin(x);
    if (value >= 0) {
      a = x;
      atA = value;
      atB /= 2;
    } else {
      b = x;
      atB = value;
      atA /= 2;
    }
  }
  return a;
}
