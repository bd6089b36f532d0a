import { BLOCKS } from './feature-scanner.ts';
import { fitLogistic, type Logistic, type LogisticRows, logit, logOdds, sigmoid } from './logistic.ts';

/** What scope is judged by: log-odds of the best answer, its decision value, and the share of new features in each block. */
export const SCOPE_COLUMNS = 2 + BLOCKS.length;

/** Tells inputs that the student was made for from others, and says how sure its answer is. */
export interface Certain {
  /** Log-odds of "in scope" from SCOPE_COLUMNS numbers. */
  readonly scope: Logistic;
  /** Log-odds of "in scope and right" from the log-odds of probability × P(in scope). */
  readonly confidence: Logistic;
  /** An input is out of scope when P(in scope) lies below this. */
  readonly threshold: number;
}

/** Rows that calibration learns from; of SCOPE_COLUMNS numbers each. */
export interface ScopeRows {
  readonly columns: number[];
  /** 1 where the answer was right. */
  readonly right: number[];
  readonly probability: number[];
}

/** Collects rows for calibration. */
export function scopeRows(): ScopeRows {
  return { columns: [], right: [], probability: [] };
}

/** Adds a row: the answer's probability and decision value, its novelty from `at`, and whether it was right. */
export function addScopeRow(
  rows: ScopeRows,
  answer: { readonly probability: number; readonly decision: number; readonly right: boolean },
  novelty: Float64Array,
  at: number,
): void {
  rows.columns.push(logit(answer.probability), answer.decision);
  for (let block = 0; block < BLOCKS.length; block += 1) rows.columns.push(novelty[at + block]!);
  rows.right.push(answer.right ? 1 : 0);
  rows.probability.push(answer.probability);
}

/** Share of a stand-in's features that are unknown words, from a half to all; spread evenly over the rows. */
export function dilutionOf(row: number): number {
  return 0.5 + 0.5 * ((row * 0.618_033_988_749_895) % 1);
}

/** The novelty of a row when `share` of its words are unknown ones. */
export function diluted(novelty: Float64Array, at: number, share: number): Float64Array {
  return Float64Array.from({ length: BLOCKS.length }, (_, block) => novelty[at + block]! * (1 - share) + share);
}

/** So many given rows outside speak for themselves; with fewer, stand-ins are made. */
export const ENOUGH_OUTSIDE = 20;

/** What calibration learns from: rows of the classes, and rows of none of them, given or made up. */
export interface ScopeEvidence {
  readonly inside: ScopeRows;
  readonly outside: ScopeRows;
  /** True when the rows outside are examples that somebody gave. */
  readonly given: boolean;
}

/** Traffic that is out of scope, as P(in scope) assumes: unknown at training time, and training rows seldom show it. */
const OUTSIDE_SHARE = 0.1;
/**
 * The same for confidence, which must be right about rows like the training rows as well: with 6 % of stand-ins, its error of calibration on
 * CLINC150's validation rows is .013, .017 where 6 % of the rows are out of scope, and .043 where 18 % are.
 */
const OUTSIDE_SHARE_OF_CONFIDENCE = 0.06;
/**
 * Chosen on CLINC150's validation rows with the out-of-scope rows of its training and validation parts: area under the curve .971 with 2, .970
 * with 1.5, .968 with 1, .959 without novelty, .952 by the probability alone. Smaller sets know fewer words, so rather less than the best.
 */
const NOVELTY_WEIGHT = 1.5;
/** Held-out rows in scope that the threshold may turn away, with and without given examples of what lies outside. */
const MOST_REJECTED_GIVEN = 0.1;
const MOST_REJECTED = 0.05;

/**
 * Fits P(in scope), P(in scope and right) and the threshold of `outOfScope` on held-out rows. The threshold is the one with the best mean of
 * the shares kept inside and turned away outside, among those that turn away at most 10 % of the rows inside (5 % without given rows outside).
 */
export function fitCertain({ inside, outside, given }: ScopeEvidence): Certain {
  const insideCount = inside.right.length;
  const outsideCount = outside.right.length;
  const weightOf = (share: number) => (outsideCount > 0 ? (share * insideCount) / ((1 - share) * outsideCount) : 0);
  const weights = (outsideWeight: number) => {
    const all = new Float64Array(insideCount + outsideCount).fill(1);
    return all.fill(outsideWeight, insideCount);
  };
  const columns = Float64Array.from([...inside.columns, ...outside.columns]);
  const isInside = new Float64Array(insideCount + outsideCount).fill(1, 0, insideCount);
  const scope = (given ? fitLogistic : fitFixedScore)({
    columns: SCOPE_COLUMNS,
    values: columns,
    outcomes: isInside,
    weights: weights(weightOf(OUTSIDE_SHARE)),
  });
  const odds = Float64Array.from(isInside, (_, row) => logOdds(scope, columns.subarray(row * SCOPE_COLUMNS, (row + 1) * SCOPE_COLUMNS)));
  const probability = [...inside.probability, ...outside.probability];
  const confidence = fitLogistic({
    columns: 1,
    values: odds.map((value, row) => logit(probability[row]! * sigmoid(value))),
    outcomes: Float64Array.from([...inside.right, ...outside.right.map(() => 0)]),
    weights: weights(weightOf(OUTSIDE_SHARE_OF_CONFIDENCE)),
  });
  const threshold = chooseThreshold(odds.subarray(0, insideCount), odds.subarray(insideCount), given ? MOST_REJECTED_GIVEN : MOST_REJECTED);
  return { scope, confidence, threshold };
}

/**
 * Log-odds of one number, decision value − NOVELTY_WEIGHT × mean novelty. Stand-ins say how large it is outside, but not what weighs how much:
 * a row without its own class still has the words of its kind of text, so that weights fitted to them trust novelty too little.
 */
function fitFixedScore({ values, outcomes, weights }: LogisticRows): Logistic {
  const share = NOVELTY_WEIGHT / BLOCKS.length;
  const scores = Float64Array.from(outcomes, (_, row) => {
    let score = values[row * SCOPE_COLUMNS + 1]!;
    for (let block = 0; block < BLOCKS.length; block += 1) score -= share * values[row * SCOPE_COLUMNS + 2 + block]!;
    return score;
  });
  const { weights: slopes, bias } = fitLogistic({ columns: 1, values: scores, outcomes, weights });
  const slope = slopes[0]!;
  return { weights: [0, slope, ...BLOCKS.map(() => -slope * share)], bias };
}

function chooseThreshold(inside: Float64Array, outside: Float64Array, mostRejected: number): number {
  if (inside.length === 0 || outside.length === 0) return 0;
  const kept = Float64Array.from(inside).sort();
  const away = Float64Array.from(outside).sort();
  let best = { at: Number.NEGATIVE_INFINITY, gain: 0 };
  let rejectedInside = 0;
  for (let i = 0; i < away.length; i += 1) {
    // Just above the i-th lowest row outside.
    const at = away[i]! + 1e-9;
    while (rejectedInside < kept.length && kept[rejectedInside]! < at) rejectedInside += 1;
    if (rejectedInside > mostRejected * kept.length) break;
    const gain = (i + 1) / away.length - rejectedInside / kept.length;
    if (gain > best.gain) best = { at, gain };
  }
  return sigmoid(best.at);
}

/** What is said of one answer. */
export function certaintyOf(
  certain: Certain,
  answer: { readonly probability: number; readonly decision: number },
  novelty: ArrayLike<number>,
  at = 0,
): { readonly confidence: number; readonly inScope: number; readonly outOfScope: boolean } {
  const { scope, confidence, threshold } = certain;
  let odds = scope.bias + scope.weights[0]! * logit(answer.probability) + scope.weights[1]! * answer.decision;
  for (let block = 0; block < BLOCKS.length; block += 1) odds += scope.weights[2 + block]! * novelty[at + block]!;
  const inScope = sigmoid(odds);
  return {
    confidence: sigmoid(confidence.bias + confidence.weights[0]! * logit(answer.probability * inScope)),
    inScope,
    outOfScope: inScope < threshold,
  };
}
