/** Tag 0 is "no field"; field f begins with tag 1 + 2 f and goes on with 2 + 2 f. */
export const OUTSIDE_TAG = 0;

/** Less probable tags than this share are not followed. */
const FLOOR = 1e-5;
/** A tag whose score lies so far below the best of its token is not followed. */
const DEPTH = 12;

/** Transition scores: `scores[p × tags + n]` for tag n after tag p; row `tags` is for the first token. Forbidden ones are 0 in `powers`. */
export class Transitions {
  readonly tags: number;
  readonly scores: Float32Array;
  readonly powers: Float64Array;

  constructor(tags: number, scores?: Float32Array) {
    this.tags = tags;
    this.scores = scores ?? new Float32Array((tags + 1) * tags);
    this.powers = new Float64Array((tags + 1) * tags);
    for (let at = 0; at < this.powers.length; at += 1) this.refresh(at);
  }

  /** Takes over a changed score. */
  refresh(at: number): void {
    const next = at % this.tags;
    const previous = (at - next) / this.tags;
    this.powers[at] = mayFollow(previous, next, this.tags) ? Math.exp(this.scores[at]!) : 0;
  }
}

/** A field goes on only where it began. */
function mayFollow(previous: number, next: number, tags: number): boolean {
  const inner = next > 0 && next % 2 === 0;
  return !inner || (previous < tags && (previous === next || previous === next - 1));
}

/**
 * A linear-chain conditional random field over one text: sums over all taggings, the best one, and each tag's probability.
 * Tags that cannot matter (by FLOOR and DEPTH) are left out, so that the time goes with the doubtful tags, not with all.
 */
export class Lattice {
  readonly tags: number;
  size = 0;
  /** Scores of tags by token, filled by the caller before `run`: `scores[i × tags + k]`. */
  scores = new Float64Array(0);
  /** P(token i has tag k), after `run`. */
  marginals = new Float64Array(0);
  /** The best tagging, after `run`. */
  best = new Int32Array(0);
  /** log P of the best tagging, after `run`. */
  logBest = 0;
  #powers = new Float64Array(0);
  /** The transitions' powers during `run`. */
  #moves: Float64Array = new Float64Array(0);
  #alpha = new Float64Array(0);
  #beta = new Float64Array(0);
  #delta = new Float64Array(0);
  #back = new Int16Array(0);
  #scales = new Float64Array(0);
  /** The followed tags of token i: `#active[i × tags … + #counts[i]]`. */
  #active = new Int16Array(0);
  #counts = new Int32Array(0);
  /** "No field" and the beginnings that the current token can be. */
  readonly #begins: Int16Array;
  #beginCount = 0;

  constructor(tags: number) {
    this.tags = tags;
    this.#begins = new Int16Array(tags);
  }

  /** Makes room for a text and sets all scores to 0. */
  begin(size: number): void {
    this.size = size;
    this.logBest = 0;
    const cells = size * this.tags;
    if (this.scores.length < cells) {
      const room = cells * 2;
      this.scores = new Float64Array(room);
      this.marginals = new Float64Array(room);
      this.#powers = new Float64Array(room);
      this.#alpha = new Float64Array(room);
      this.#beta = new Float64Array(room);
      this.#delta = new Float64Array(room);
      this.#back = new Int16Array(room);
      this.#active = new Int16Array(room);
      this.best = new Int32Array(size * 2);
      this.#scales = new Float64Array(size * 2);
      this.#counts = new Int32Array(size * 2);
    } else this.scores.fill(0, 0, cells);
  }

  /** Forward sums with the best path beside them, then backward sums. */
  run(transitions: Transitions): void {
    const { size } = this;
    this.#moves = transitions.powers;
    for (let i = 0; i < size; i += 1) {
      this.#raise(i);
      this.#forward(i);
    }
    if (size > 0) this.#traceBack();
    this.#backward();
  }

  /** Powers of a token's scores over its best one. "No field" is always followed, so that some tagging always remains. */
  #raise(i: number): void {
    const from = i * this.tags;
    const { scores } = this;
    const powers = this.#powers;
    let highest = scores[from]!;
    for (let k = 1; k < this.tags; k += 1) if (scores[from + k]! > highest) highest = scores[from + k]!;
    for (let k = 0; k < this.tags; k += 1) {
      const below = scores[from + k]! - highest;
      powers[from + k] = below > -DEPTH ? Math.exp(below) : 0;
    }
    if (powers[from] === 0) powers[from] = FLOOR;
    this.#begins[0] = OUTSIDE_TAG;
    let count = 1;
    for (let k = 1; k < this.tags; k += 2)
      if (powers[from + k]! > 0) {
        this.#begins[count] = k;
        count += 1;
      }
    this.#beginCount = count;
  }

  #forward(i: number): void {
    const { tags } = this;
    const at = i * tags;
    const alpha = this.#alpha;
    const delta = this.#delta;
    const back = this.#back;
    alpha.fill(0, at, at + tags);
    delta.fill(0, at, at + tags);
    if (i === 0) this.#reach(at, tags * tags, 1, 1, -1);
    else {
      const before = at - tags;
      for (let a = 0; a < this.#counts[i - 1]!; a += 1) {
        const previous = this.#active[before + a]!;
        this.#reach(at, previous * tags, alpha[before + previous]!, delta[before + previous]!, previous);
      }
    }
    const powers = this.#powers;
    let sum = 0;
    let peak = 0;
    for (let k = 0; k < tags; k += 1) {
      const power = powers[at + k]!;
      const value = alpha[at + k]! * power;
      alpha[at + k] = value;
      sum += value;
      const top = delta[at + k]! * power;
      delta[at + k] = top;
      if (top > peak) peak = top;
    }
    this.#scales[i] = sum;
    this.logBest += Math.log(peak / sum);
    let count = 0;
    for (let k = 0; k < tags; k += 1) {
      const share = alpha[at + k]! / sum;
      if (share > FLOOR || k === OUTSIDE_TAG || delta[at + k] === peak) {
        alpha[at + k] = share;
        delta[at + k] = delta[at + k]! / peak;
        this.#active[at + count] = k;
        count += 1;
      } else {
        alpha[at + k] = 0;
        delta[at + k] = 0;
      }
    }
    this.#counts[i] = count;
    if (i === 0) back.fill(-1, 0, tags);
  }

  /** Adds one earlier tag's part to all tags that may follow it: "no field", every beginning, and its own field's going on. */
  #reach(at: number, row: number, sum: number, top: number, previous: number): void {
    const moves = this.#moves;
    const powers = this.#powers;
    const inner = previous <= 0 ? -1 : previous % 2 === 1 ? previous + 1 : previous;
    const alpha = this.#alpha;
    const delta = this.#delta;
    const begins = this.#begins;
    const count = this.#beginCount;
    const last = inner > 0 && powers[at + inner]! > 0 ? count : count - 1;
    for (let b = 0; b <= last; b += 1) {
      const next = b < count ? begins[b]! : inner;
      const power = moves[row + next]!;
      const cell = at + next;
      alpha[cell] = alpha[cell]! + sum * power;
      const reached = top * power;
      if (reached > delta[cell]!) {
        delta[cell] = reached;
        this.#back[cell] = previous;
      }
    }
  }

  #traceBack(): void {
    const { tags, size, best } = this;
    const last = (size - 1) * tags;
    let tag = 0;
    for (let k = 1; k < tags; k += 1) if (this.#delta[last + k]! > this.#delta[last + tag]!) tag = k;
    for (let i = size - 1; i >= 0; i -= 1) {
      best[i] = tag;
      tag = this.#back[i * tags + tag]!;
    }
  }

  #backward(): void {
    const { tags, size, marginals } = this;
    const moves = this.#moves;
    const alpha = this.#alpha;
    const beta = this.#beta;
    for (let i = size - 1; i >= 0; i -= 1) {
      const at = i * tags;
      marginals.fill(0, at, at + tags);
      for (let a = 0; a < this.#counts[i]!; a += 1) {
        const k = this.#active[at + a]!;
        let value = 1;
        if (i < size - 1) {
          value = 0;
          const after = at + tags;
          for (let b = 0; b < this.#counts[i + 1]!; b += 1) {
            const next = this.#active[after + b]!;
            value += moves[k * tags + next]! * this.#powers[after + next]! * beta[after + next]!;
          }
          value /= this.#scales[i + 1]!;
        }
        beta[at + k] = value;
        marginals[at + k] = alpha[at + k]! * value;
      }
    }
  }

  /** Calls `visit` with each pair of tags at tokens i − 1 and i that is more probable than `least`; for the first token the pair's index is that of the first row. */
  visitPairs(i: number, moves: Float64Array, least: number, visit: (index: number, probability: number) => void): void {
    const { tags } = this;
    const at = i * tags;
    for (let b = 0; b < this.#counts[i]!; b += 1) {
      const next = this.#active[at + b]!;
      if (i === 0) {
        visit(tags * tags + next, this.marginals[next]!);
        continue;
      }
      const rest = (this.#powers[at + next]! * this.#beta[at + next]!) / this.#scales[i]!;
      for (let a = 0; a < this.#counts[i - 1]!; a += 1) {
        const previous = this.#active[at - tags + a]!;
        const probability = this.#alpha[at - tags + previous]! * moves[previous * tags + next]! * rest;
        if (probability > least) visit(previous * tags + next, probability);
      }
    }
  }
}
