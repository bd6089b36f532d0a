import type { FrontierReason, Pair, Verdict } from '../core/index.ts';
import { errorBudget } from './budget.ts';
import { type Cut, type Evidence, gatherEvidence, type RowTotals, totalsPerCut } from './evidence.ts';
import { morePairs } from './more-pairs.ts';
import { FEWEST_GRADED_UNITS, type PointTest, pointTest, usableMethod } from './point-test.ts';
import { savingsOf } from './savings.ts';
import { fixedSequence } from './sequence.ts';
import type { CertifyOptions, CertifyResult, GridPoint } from './types.ts';
import { validateInput } from './validate.ts';

/**
 * Decides from pairs whether the small model may answer: alone (`swap`), above a threshold (`cascade`), or not at all (`frontier`).
 *
 * Promises: over pairs exchangeable with these, the chance to certify a policy that keeps less than `floor` of the frontier's
 * quality is at most 1 − level. Pairs marked `skip` count as escalated at every point, without the small model's cost: the policy is
 * then that triage with this verdict behind it. All pairs are evidence: none may have been used to fit the confidence. Nothing is random.
 * Throws SmallfirstError (USAGE, INPUT_INVALID) for options or pairs out of range, duplicate ids, graded quality with
 * Clopper-Pearson, and no pairs at all.
 */
export function certify(pairs: readonly Pair[], options: CertifyOptions): CertifyResult {
  validateInput(pairs, options);
  const evidence = gatherEvidence(pairs, options.grid);
  const method = usableMethod(options.method, evidence);
  const look = options.look ?? null;
  const { floor, level } = options;
  const delta = errorBudget({ floor, level, requested: options.method, used: method, look, bigRight: binaryRight(evidence) });
  const points = pointsOf(evidence, method, options.floor);
  const walk = fixedSequence(
    points.map((point) => point.p),
    delta,
  );
  const decision = decide({ pairs, evidence, points, walk }, { ...options, delta });
  const shown = points[decision.shown]!;
  const bound = lowerBound(shown, delta);
  return {
    n: evidence.n,
    pairs: pairs.length,
    floor,
    level,
    method,
    requestedMethod: options.method,
    look,
    delta,
    verdict: decision.verdict,
    ...(decision.reason === null ? {} : { reason: decision.reason }),
    threshold: decision.verdict === 'cascade' ? shown.cut.threshold : null,
    accepted: decision.verdict === 'frontier' ? 0 : shown.cut.rows / pairs.length,
    retained: retainedOf(shown.totals),
    // A point that passed does so at the floor itself; the search for the bound may stop a hair below it.
    retainedLowerBound: bound !== null && decision.shown <= walk.deployed ? Math.max(bound, options.floor) : bound,
    counts: { kept: shown.totals.kept, lost: shown.totals.lost, gained: shown.totals.gained },
    savings: decision.savings,
    pairsNeeded: decision.reason === 'not-enough-evidence' ? morePairs({ evidence, ...shown }, options) : null,
    grid: points.map((point) => gridPoint(point, pairs.length)),
    notes: [...notesOf(evidence, options, method), ...worthNotes(decision)],
  };
}

/** Pairs that the frontier got right, where pairs are binary and independent; else null. */
function binaryRight(evidence: Evidence): number | null {
  if (evidence.graded || evidence.unitOf !== null) return null;
  return evidence.big.reduce((right, quality) => right + quality, 0);
}

/** One threshold with its test and its p-value at the floor. */
interface Point {
  readonly cut: Cut;
  readonly totals: RowTotals;
  readonly test: () => PointTest;
  readonly p: number;
}

function pointsOf(evidence: Evidence, method: CertifyResult['method'], floor: number): Point[] {
  const totals = totalsPerCut(evidence);
  return evidence.cuts.map((cut, i) => {
    const at = { cut, totals: totals[i]! };
    // Built again where it is needed: forty points of a large graded sample would not fit in memory together.
    const test = () => pointTest(method, evidence, at);
    return { ...at, test, p: test().p(floor) };
  });
}

interface Decision {
  readonly verdict: Verdict;
  readonly reason: FrontierReason | null;
  readonly savings: number | null;
  /** What the policy that passed would have saved, where that is why it is not deployed. */
  readonly passedSavings?: number;
  /** Index of the point whose figures are shown. */
  readonly shown: number;
}

function decide(
  found: {
    readonly pairs: readonly Pair[];
    readonly evidence: Evidence;
    readonly points: readonly Point[];
    readonly walk: { readonly deployed: number; readonly examined: number };
  },
  options: { readonly floor: number; readonly delta: number },
): Decision {
  const { pairs, evidence, points, walk } = found;
  const frontier = (reason: FrontierReason): Decision => {
    return { verdict: 'frontier', reason, savings: frontierSavings(pairs), shown: walk.examined };
  };
  if (walk.deployed < 0) {
    const missed = points[walk.examined]!.test().missed(options.floor, options.delta);
    return frontier(missed ? 'floor-missed' : 'not-enough-evidence');
  }
  const { cut } = points[walk.deployed]!;
  if (cut.rows === 0) return frontier('not-worth-it');
  // Everything that reaches the small model is accepted: of all rows, or of those that triage leaves it where there is no confidence.
  const all = cut.rows === pairs.length || (evidence.unranked && cut.rows === pairs.length - evidence.skipped);
  const savings = savingsOf(pairs, (pair) => !pair.skip && (all || (pair.small.confidence ?? -1) >= cut.threshold));
  if (savings !== null && savings <= 0) return { ...frontier('not-worth-it'), passedSavings: savings };
  return { verdict: all ? 'swap' : 'cascade', reason: null, savings, shown: walk.deployed };
}

/** The frontier for everything saves nothing; null when its cost is not known. */
function frontierSavings(pairs: readonly Pair[]): number | null {
  let total = 0;
  for (const pair of pairs) {
    if (pair.big.cost === undefined) return null;
    total += pair.big.cost;
  }
  return total > 0 ? 0 : null;
}

function retainedOf(totals: RowTotals): number | null {
  return totals.bigQuality > 0 ? totals.policyQuality / totals.bigQuality : null;
}

function lowerBound(point: Point, delta: number): number | null {
  const retained = retainedOf(point.totals);
  return retained === null ? null : Math.min(retained, point.test().lowerBound(delta, retained));
}

function gridPoint(point: Point, rows: number): GridPoint {
  return {
    threshold: point.cut.threshold,
    accepted: point.cut.rows / rows,
    p: point.p,
    retained: retainedOf(point.totals),
    lost: point.totals.lost,
    gained: point.totals.gained,
  };
}

function notesOf(evidence: Evidence, options: CertifyOptions, method: CertifyResult['method']): string[] {
  const notes: string[] = [];
  const clustered = evidence.unitOf !== null;
  const kind = clustered ? 'clusters' : 'graded pairs';
  if (method !== options.method) {
    notes.push(
      `The score test needs ${FEWEST_GRADED_UNITS} ${kind} and there are ${evidence.n}: the betting e-value, exact at any size, was used instead.`,
    );
  }
  if (clustered && method !== 'score') notes.push('Rows of a cluster are not independent: each cluster counts once and with equal weight.');
  if (clustered && method === 'score') notes.push('Rows of a cluster are not independent: they are summed, and n counts clusters.');
  if (evidence.skipped > 0) {
    notes.push(
      `${evidence.skipped} rows are sent to the frontier before the call: the verdict holds with that triage in front, and only so.`,
    );
  }
  if (evidence.silent > 0) notes.push(`${evidence.silent} rows have no confidence and are always escalated.`);
  return notes;
}

function worthNotes(decision: Decision): string[] {
  if (decision.passedSavings === undefined) return [];
  const more = (-100 * decision.passedSavings).toFixed(1);
  return [`The boldest policy that keeps the floor would cost ${more} % more than the frontier alone.`];
}
