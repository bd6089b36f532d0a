/** Escalated shares at which a router reaches what it is asked for; null when no share does. */
export interface CurveFigures {
  /** Mean quality of small and of big. */
  readonly small: number;
  readonly big: number;
  /** Average performance gap recovered: the exact area under PGR(r) = (Q(r) − S) / (B − S), r from 0 to 1; .5 is random. NaN when B = S. */
  readonly apgr: number;
  /** CPT(x): the smallest escalated share that recovers half, and four fifths, of the gap between small and big. */
  readonly cpt50: number | null;
  readonly cpt80: number | null;
  /** ESC@q: the smallest escalated share that keeps this share of big's mean quality. Read off the same rows, so no promise. */
  readonly esc95: number | null;
  readonly esc98: number | null;
}

/** Two qualities per request, in the order of the scores. */
export interface Outcomes {
  readonly small: ArrayLike<number>;
  readonly big: ArrayLike<number>;
}

/**
 * Quality against escalated share when requests are escalated by falling score (routing-science §2). Requests with equal scores are
 * escalated in random order, so the curve is straight across them: a router that says the same of all has an APGR of exactly .5.
 */
export class EscalationCurve {
  readonly #order: Int32Array;
  /** Where each group of equal scores ends in the order. */
  readonly #ends: Int32Array;
  readonly #small: Float64Array;
  readonly #big: Float64Array;

  constructor(scores: ArrayLike<number>, outcomes: Outcomes) {
    const n = scores.length;
    const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
    const ends: number[] = [];
    for (let i = 1; i <= n; i += 1) if (i === n || scores[order[i]!] !== scores[order[i - 1]!]) ends.push(i);
    this.#order = order;
    this.#ends = Int32Array.from(ends);
    this.#small = Float64Array.from(outcomes.small);
    this.#big = Float64Array.from(outcomes.big);
  }

  /** APGR when row i counts `weights[i]` times (a bootstrap's draw); every row once without weights. NaN when B = S. */
  apgr(weights: ArrayLike<number> | null = null): number {
    let start = 0;
    let rows = 0;
    let recovered = 0;
    let area = 0;
    for (const end of this.#ends) {
      let weight = 0;
      let gain = 0;
      for (let k = start; k < end; k += 1) {
        const row = this.#order[k]!;
        const times = weights === null ? 1 : weights[row]!;
        weight += times;
        gain += times * (this.#big[row]! - this.#small[row]!);
      }
      area += weight * (recovered + gain / 2);
      recovered += gain;
      rows += weight;
      start = end;
    }
    return recovered === 0 ? Number.NaN : area / (rows * recovered);
  }

  /** All figures of the curve. */
  figures(): CurveFigures {
    const n = this.#order.length;
    let small = 0;
    let big = 0;
    for (let i = 0; i < n; i += 1) {
      small += this.#small[i]!;
      big += this.#big[i]!;
    }
    const gap = big - small;
    const reach = (needed: number) => (gap > 0 ? this.#firstShare(needed) : null);
    return {
      small: small / n,
      big: big / n,
      apgr: this.apgr(),
      cpt50: reach(0.5 * gap),
      cpt80: reach(0.8 * gap),
      esc95: this.#firstShare(0.95 * big - small),
      esc98: this.#firstShare(0.98 * big - small),
    };
  }

  /** Smallest share at which the summed gain of the escalated reaches `needed`; null when it never does. */
  #firstShare(needed: number): number | null {
    if (needed <= 0) return 0;
    const n = this.#order.length;
    let start = 0;
    let recovered = 0;
    for (const end of this.#ends) {
      let gain = 0;
      for (let k = start; k < end; k += 1) gain += this.#big[this.#order[k]!]! - this.#small[this.#order[k]!]!;
      // Sums of tenths may miss the whole gap by their rounding.
      if (recovered + gain >= needed - 1e-9) return (start + (end - start) * Math.min(1, (needed - recovered) / gain)) / n;
      recovered += gain;
      start = end;
    }
    return null;
  }
}
