import { errorBudget } from './budget.ts';
import { type Evidence, type RowTotals, totalsPerCut } from './evidence.ts';
import { morePairs } from './more-pairs.ts';
import { type PointTest, pointTest, usableMethod } from './point-test.ts';
import { fixedSequence } from './sequence.ts';
import { answeredBy, evidenceOf, gatherLadder, type Ladder, type LadderUnits, type Thresholds, unitsOfLadder } from './tiers-columns.ts';
import { tierNotes } from './tiers-notes.ts';
import { tierPath } from './tiers-path.ts';
import { type Bill, billOf, p95LatencyRatio } from './tiers-spending.ts';
import type { ByModel, LadderRow, TierMethod, TierOptions, TierPoint, TierReason, TierResult } from './tiers-types.ts';
import { validateTiers } from './tiers-validate.ts';

/**
 * Decides from answers of every model of a ladder which of them may answer, and from which confidence on: a request goes to the cheapest
 * model first and on to the next while the confidence is below that model's threshold; the last model, the ceiling, takes what is left.
 *
 * Promises what `certify` does, for all thresholds together: the chance to certify a ladder that keeps less than `floor` of the ceiling's
 * quality is at most 1 − level. The path of threshold vectors is made from confidences and costs, never from qualities (see `tierPath`); every point before the
 * first that fails is certified, and the one that saves most is taken. With two models it decides as `certify` does.
 * Throws SmallfirstError (USAGE, INPUT_INVALID) for options or rows out of range.
 */
export function certifyTiers(rows: readonly LadderRow[], options: TierOptions): TierResult {
  validateTiers(rows, options);
  const ladder = gatherLadder(rows);
  const units = unitsOfLadder(ladder);
  const { floor, level } = options;
  const look = options.look ?? null;
  const path = tierPath(ladder);
  const method = usableMethod(options.method, evidenceOf(ladder, units, answeredBy(ladder, path[0]!))) as TierMethod;
  const bigRight = units.graded || units.unitOf !== null ? null : units.big.reduce((right, quality) => right + quality, 0);
  const delta = errorBudget({ floor, level, requested: options.method, used: method, look, bigRight });
  const points = path.map((thresholds) => pointAt({ ladder, units, thresholds }, method, floor));
  const walk = fixedSequence(
    points.map((point) => point.p),
    delta,
  );
  const decision = decide(points, walk, { ...options, delta });
  return resultOf({ ladder, units, points, decision, deployed: walk.deployed }, options, { method, delta, look });
}

/** One threshold vector with its test, its p-value at the floor, and what it spends. */
interface Point {
  readonly thresholds: Thresholds;
  readonly by: Uint8Array;
  /** Rows that a model below the ceiling answers. */
  readonly accepted: number;
  readonly totals: RowTotals;
  readonly bill: Bill;
  readonly p95LatencyRatio: number | null;
  /** Made anew where it is needed: eighty points of a large sample would not fit in memory together. */
  readonly evidence: () => Evidence;
  readonly test: () => PointTest;
  readonly p: number;
}

function pointAt(
  at: { readonly ladder: Ladder; readonly units: LadderUnits; readonly thresholds: Thresholds },
  method: TierMethod,
  floor: number,
): Point {
  const { ladder, units, thresholds } = at;
  const by = answeredBy(ladder, thresholds);
  const evidence = () => evidenceOf(ladder, units, by);
  const now = evidence();
  const totals = totalsPerCut(now)[0]!;
  const testOf = (of: Evidence) => pointTest(method, of, { cut: of.cuts[0]!, totals });
  const ceiling = ladder.columns.length - 1;
  return {
    thresholds,
    by,
    accepted: by.reduce((rows, tier) => rows + (tier < ceiling ? 1 : 0), 0),
    totals,
    bill: billOf(ladder, thresholds, by),
    p95LatencyRatio: p95LatencyRatio(ladder, thresholds, by),
    evidence,
    test: () => testOf(evidence()),
    p: testOf(now).p(floor),
  };
}

interface Decision {
  readonly reason: TierReason | null;
  /** Index of the point whose figures are shown. */
  readonly shown: number;
  /** What the best policy that passed would have saved, where that is why it is not deployed. */
  readonly passedSavings?: number;
}

function decide(
  points: readonly Point[],
  walk: { readonly deployed: number; readonly examined: number },
  options: TierOptions & { readonly delta: number },
): Decision {
  if (walk.deployed < 0) {
    const missed = points[walk.examined]!.test().missed(options.floor, options.delta);
    return { reason: missed ? 'floor-missed' : 'not-enough-evidence', shown: walk.examined };
  }
  const limit = options.maxP95LatencyRatio;
  let best = -1;
  let fast = false;
  for (let i = 0; i <= walk.deployed; i += 1) {
    const { accepted, bill, p95LatencyRatio: ratio } = points[i]!;
    if (accepted === 0) continue;
    if (limit !== undefined && !(ratio !== null && ratio <= limit)) continue;
    fast = true;
    // A later point is bolder: it wins ties, and always where costs are not known.
    if (best < 0 || (bill.savings ?? 0) >= (points[best]!.bill.savings ?? 0)) best = i;
  }
  if (best < 0) return { reason: limit !== undefined && !fast ? 'too-slow' : 'not-worth-it', shown: walk.examined };
  const { savings } = points[best]!.bill;
  if (savings !== null && savings <= 0) return { reason: 'not-worth-it', shown: walk.examined, passedSavings: savings };
  return { reason: null, shown: best };
}

interface Found {
  readonly ladder: Ladder;
  readonly units: LadderUnits;
  readonly points: readonly Point[];
  readonly decision: Decision;
  readonly deployed: number;
}

function resultOf(
  found: Found,
  options: TierOptions,
  error: { readonly method: TierMethod; readonly delta: number; readonly look: number | null },
): TierResult {
  const { ladder, units, points, decision, deployed } = found;
  const { models, floor, level } = options;
  const shown = points[decision.shown]!;
  const pairs = ladder.rows.length;
  const stays = decision.reason !== null;
  const swap = !stays && answersAll(ladder, shown);
  const retained = retainedOf(shown.totals);
  const bound = retained === null ? null : Math.min(retained, shown.test().lowerBound(error.delta, retained));
  const policy = stays ? frontierPolicy(ladder) : shown;
  return {
    n: units.n,
    pairs,
    floor,
    level,
    ...{ method: error.method, requestedMethod: options.method, look: error.look, delta: error.delta },
    verdict: stays ? 'frontier' : swap ? 'swap' : 'cascade',
    ...(decision.reason === null ? {} : { reason: decision.reason }),
    thresholds: named(models, (tier) => (swap || policy.bill.asked[tier] === 0 ? null : (policy.thresholds[tier] ?? null))),
    acceptedBy: named(models, (tier) => policy.by.reduce((rows, by) => rows + (by === tier ? 1 : 0), 0) / pairs),
    askedBy: named(models, (tier) => policy.bill.asked[tier]! / pairs),
    accepted: stays ? 0 : shown.accepted / pairs,
    retained,
    // A point that passed does so at the floor itself; the search for the bound may stop a hair below it.
    retainedLowerBound: bound !== null && decision.shown <= deployed ? Math.max(bound, floor) : bound,
    counts: { kept: shown.totals.kept, lost: shown.totals.lost, gained: shown.totals.gained },
    savings: policy.bill.savings,
    wasted: policy.bill.wasted,
    p95LatencyRatio: policy.p95LatencyRatio,
    pairsNeeded: decision.reason === 'not-enough-evidence' ? neededAt(shown, options) : null,
    grid: points.map((point) => tierPoint(point, models, pairs)),
    notes: tierNotes({ ladder, units, used: error.method, passedSavings: decision.passedSavings ?? null }, options),
  };
}

/** The ceiling for everything: what runs while no ladder is certified. */
function frontierPolicy(ladder: Ladder): Pick<Point, 'thresholds' | 'by' | 'bill' | 'p95LatencyRatio'> {
  const thresholds = ladder.columns.slice(0, -1).map(() => null);
  const by = answeredBy(ladder, thresholds);
  return { thresholds, by, bill: billOf(ladder, thresholds, by), p95LatencyRatio: p95LatencyRatio(ladder, thresholds, by) };
}

/** One model below the ceiling answers everything that triage leaves: with confidences, every row; without any, every row not skipped. */
function answersAll(ladder: Ladder, point: Point): boolean {
  const answers = point.by.filter((_, row) => !(ladder.unranked && ladder.skipped[row] === 1));
  return answers[0]! < ladder.columns.length - 1 && answers.every((tier) => tier === answers[0]);
}

function neededAt(point: Point, options: TierOptions): number | null {
  const evidence = point.evidence();
  return morePairs({ evidence, cut: evidence.cuts[0]!, totals: point.totals }, options);
}

function retainedOf(totals: RowTotals): number | null {
  return totals.bigQuality > 0 ? totals.policyQuality / totals.bigQuality : null;
}

function tierPoint(point: Point, models: readonly string[], rows: number): TierPoint {
  return {
    thresholds: named(models, (tier) => point.thresholds[tier] ?? null),
    accepted: point.accepted / rows,
    p: point.p,
    retained: retainedOf(point.totals),
    savings: point.bill.savings,
    p95LatencyRatio: point.p95LatencyRatio,
  };
}

function named<T>(models: readonly string[], value: (tier: number) => T): ByModel<T> {
  return Object.fromEntries(models.map((model, tier) => [model, value(tier)]));
}
