import { certify, certifyTiers, fixedSequence, type LadderRow } from '../src/certify/index.ts';
import { type NanoUsd, nanoUsd, type Pair } from '../src/core/index.ts';
import { type Random, seededRandom } from '../src/statistics/index.ts';
import type { Population, RecordedAnswer } from './cascades-data.ts';
import type { Rule } from './cascades-rules.ts';

export const FLOOR = 0.98;
export const LEVEL = 0.95;

/** A population under one score: sorted, with what each threshold keeps and accepts on all of it. */
export class Scored {
  readonly size: number;
  readonly #scores: Float64Array;
  readonly #small: Float64Array;
  readonly #big: Float64Array;
  /** Falling scores of the rows that have one, and the policy's total quality when the first k of them are accepted. */
  readonly #falling: Float64Array;
  readonly #kept: Float64Array;
  readonly #bigTotal: number;

  private constructor(population: Population, scores: readonly (number | undefined)[]) {
    const { requests, small } = population;
    this.size = requests.length;
    this.#scores = Float64Array.from(scores, (score) => score ?? -1);
    this.#small = Float64Array.from(requests, (answers) => answers[small]!.quality);
    this.#big = Float64Array.from(requests, (answers) => answers.at(-1)!.quality);
    const order = Array.from({ length: this.size }, (_, i) => i).sort((a, b) => this.#scores[b]! - this.#scores[a]!);
    const ranked = order.filter((row) => this.#scores[row]! >= 0);
    this.#falling = Float64Array.from(ranked, (row) => this.#scores[row]!);
    this.#bigTotal = this.#big.reduce((sum, quality) => sum + quality, 0);
    this.#kept = new Float64Array(ranked.length + 1);
    this.#kept[0] = this.#bigTotal;
    ranked.forEach((row, k) => {
      this.#kept[k + 1] = this.#kept[k]! + this.#small[row]! - this.#big[row]!;
    });
  }

  /** Null when the recordings do not hold what the rule needs. */
  static by(population: Population, rule: Rule): Scored | null {
    const scores = population.requests.map((answers) => rule.score(answers[population.small]!));
    return scores.some((score) => score === null) ? null : new Scored(population, scores as (number | undefined)[]);
  }

  /** Scores and outcomes of the small model, for curves; an answer without confidence scores 0. */
  curve(): { readonly scores: readonly number[]; readonly right: readonly number[] } {
    return { scores: Array.from(this.#scores, (score) => Math.max(0, score)), right: [...this.#small] };
  }

  /** What accepting from `threshold` on accepts and keeps on the whole population. */
  at(threshold: number): { readonly accepted: number; readonly retained: number } {
    let rows = 0;
    while (rows < this.#falling.length && this.#falling[rows]! >= threshold) rows += 1;
    return { accepted: rows / this.size, retained: this.#kept[rows]! / this.#bigTotal };
  }

  /** What a swap keeps: it accepts answers without a score as well. */
  swapped(): { readonly accepted: number; readonly retained: number } {
    return { accepted: 1, retained: this.#small.reduce((sum, quality) => sum + quality, 0) / this.#bigTotal };
  }

  /** The largest share that can be accepted with the floor kept. */
  oracle(): number {
    let best = 0;
    for (let rows = 1; rows < this.#kept.length; rows += 1) {
      const border = rows === this.#falling.length || this.#falling[rows] !== this.#falling[rows - 1];
      if (border && this.#kept[rows]! >= FLOOR * this.#bigTotal) best = rows / this.size;
    }
    return best;
  }

  /** n rows drawn with replacement, as pairs to certify. */
  draw(random: Random, n: number): Pair[] {
    return Array.from({ length: n }, (_, i) => {
      const row = random.int(this.size);
      const score = this.#scores[row]!;
      return {
        id: String(i),
        small: { quality: this.#small[row]!, ...(score < 0 ? {} : { confidence: score }) },
        big: { quality: this.#big[row]! },
      };
    });
  }
}

/** What certification did over many draws. An uncertified draw accepts nothing. */
export interface DrawFigures {
  readonly n: number;
  readonly draws: number;
  readonly violations: number;
  readonly accepted: number;
  readonly certified: number;
  /** Mean cost over the ceiling's for everything; 1 where the ceiling stays, also because a cascade would cost more. */
  readonly cost: number;
}

/** Certifies many samples with the product's own `certify`, at its own δ and, on the same samples, at a nominal 0.05. */
export function certifyDraws(
  scored: Scored,
  price: number,
  size: { readonly n: number; readonly draws: number },
): { readonly promised: DrawFigures; readonly nominal: DrawFigures } {
  const { n, draws } = size;
  const random = seededRandom(20_260_101 + n);
  const tallies = [new Tally(n, price), new Tally(n, price)];
  for (let i = 0; i < draws; i += 1) {
    const result = certify(scored.draw(random, n), { floor: FLOOR, level: LEVEL, method: 'score' });
    [result.delta, 0.05].forEach((delta, k) => {
      const { deployed } = fixedSequence(
        result.grid.map((point) => point.p),
        delta,
      );
      const point = result.grid[deployed];
      tallies[k]!.add(point === undefined ? null : point.accepted === 1 ? scored.swapped() : scored.at(point.threshold));
    });
  }
  return { promised: tallies[0]!.figures(), nominal: tallies[1]!.figures() };
}

class Tally {
  readonly #n: number;
  readonly #price: number;
  #draws = 0;
  #violations = 0;
  #accepted = 0;
  #certified = 0;
  #cost = 0;

  constructor(n: number, price: number) {
    this.#n = n;
    this.#price = price;
  }

  add(policy: { readonly accepted: number; readonly retained: number } | null): void {
    this.#draws += 1;
    this.#cost += Math.min(1, policy === null ? 1 : this.#price + 1 - policy.accepted);
    if (policy === null) return;
    this.#certified += 1;
    this.#accepted += policy.accepted;
    if (policy.retained < FLOOR) this.#violations += 1;
  }

  figures(): DrawFigures {
    const share = (count: number) => count / this.#draws;
    return {
      n: this.#n,
      draws: this.#draws,
      violations: share(this.#violations),
      accepted: share(this.#accepted),
      certified: share(this.#certified),
      cost: share(this.#cost),
    };
  }
}

/** Three tiers against the best of the two cascades of two, on the same samples. */
export interface LadderFigures {
  readonly n: number;
  readonly draws: number;
  readonly violations: number;
  /** Mean savings over all draws, uncertified = 0. */
  readonly savings: number;
  readonly savingsOfTwo: readonly number[];
}

/** Certifies the whole ladder on many samples, and each model below the ceiling alone on the same ones. */
export function ladderDraws(population: Population, n: number, draws: number): LadderFigures {
  const random = seededRandom(7 + n);
  const rows = population.requests.map((answers) => answers.map((answer, tier) => ladderAnswer(answer, population.prices[tier]!)));
  const below = population.models.length - 1;
  const goal = { floor: FLOOR, level: LEVEL, method: 'score' } as const;
  const two = new Array<number>(below).fill(0);
  let violations = 0;
  let savings = 0;
  for (let i = 0; i < draws; i += 1) {
    const drawn: LadderRow[] = Array.from({ length: n }, (_, k) => ({ id: String(k), answers: rows[random.int(rows.length)]! }));
    const result = certifyTiers(drawn, { ...goal, models: population.models });
    savings += result.savings ?? 0;
    if (result.verdict !== 'frontier' && trueRatio(rows, thresholdsOf(result, population.models)) < FLOOR) violations += 1;
    for (let tier = 0; tier < below; tier += 1) {
      const pair = drawn.map((row) => ({ ...row, answers: [row.answers[tier]!, row.answers[below]!] }));
      two[tier]! += certifyTiers(pair, { ...goal, models: ['one', 'ceiling'] }).savings ?? 0;
    }
  }
  return { n, draws, violations: violations / draws, savings: savings / draws, savingsOfTwo: two.map((sum) => sum / draws) };
}

type Answers = LadderRow['answers'];

function ladderAnswer({ quality, probability }: RecordedAnswer, price: number): Answers[number] {
  const cost: NanoUsd = nanoUsd(price / 1000);
  return { quality, cost, ...(probability === undefined ? {} : { confidence: probability }) };
}

/** Thresholds as numbers: a model that swaps accepts from 0 on, one that is never asked from nowhere. */
function thresholdsOf(result: ReturnType<typeof certifyTiers>, models: readonly string[]): number[] {
  return models.map(
    (model) => result.thresholds[model] ?? (result.verdict === 'swap' && result.acceptedBy[model] === 1 ? -1 : Number.POSITIVE_INFINITY),
  );
}

function trueRatio(rows: readonly Answers[], thresholds: readonly number[]): number {
  let policy = 0;
  let ceiling = 0;
  for (const answers of rows) {
    const last = answers.at(-1)!;
    const accepted = answers.slice(0, -1).find((answer, tier) => (answer.confidence ?? -1) >= thresholds[tier]!) ?? last;
    policy += accepted.quality;
    ceiling += last.quality;
  }
  return policy / ceiling;
}
