import { type Interval, pairedBootstrap, quantileSorted } from '../statistics/index.ts';
import type { HeldOutGains } from './cross-validate.ts';
import { type CurveFigures, EscalationCurve, type Outcomes } from './escalation-curve.ts';
import { groupKeys } from './folds.ts';
import { TIERS, type Tier, type TriageRow } from './types.ts';

/** A router's figures on held-out rows. */
export interface RouterFigures extends Omit<CurveFigures, 'apgr' | 'small' | 'big'> {
  /** Null when the gap between big and small is less than two standard errors: APGR divides by it and would be noise. */
  readonly apgr: number | null;
  /** 95 % percentile bootstrap over clusters of rows, for display and for refusing; it does not vary the training. */
  readonly apgr95: Interval | null;
}

/** Why a router is refused. */
export type Refusal = 'gap-unstable' | 'big-not-better' | 'no-better-than-random' | 'no-better-than-lookup';

/** How the router did on rows held out in turn, and whether it may be used. */
export interface TriageReport extends RouterFigures {
  readonly use: boolean;
  /** Empty when it may be used. */
  readonly refusals: readonly Refusal[];
  readonly rows: number;
  readonly clusters: number;
  readonly folds: number;
  readonly quality: { readonly small: number; readonly big: number; readonly gap: number; readonly gapStandardError: number };
  /** The task and category lookup on the same folds; null when there is nothing to look up. */
  readonly lookup: RouterFigures | null;
  /** The router's APGR less the lookup's, with the interval of the paired draws. */
  readonly overLookup: { readonly apgr: number; readonly apgr95: Interval } | null;
  readonly tiers: Readonly<Record<Tier, TierFigures>>;
}

/** Held-out rows of one tier. */
export interface TierFigures {
  readonly share: number;
  /** Mean quality of each model there; null for an empty tier. */
  readonly small: number | null;
  readonly big: number | null;
}

const RESAMPLES = 1_000;
const LEVEL = 0.95;

/** Gains below the first cut are easy, from the second on hard. */
export type Cuts = readonly [number, number];

/** Cuts the held-out gains in three equal shares. They are frozen with the model: a certificate judges what they do. */
export function cutsOf(gains: Float64Array): Cuts {
  const sorted = Float64Array.from(gains).sort();
  return [quantileSorted(sorted, 1 / 3), quantileSorted(sorted, 2 / 3)];
}

/** The tier of a gain. */
export function tierOf(gain: number, cuts: Cuts): Tier {
  if (gain < cuts[0]) return 'easy';
  return gain < cuts[1] ? 'medium' : 'hard';
}

/** Measures held-out gains against what really happened, and decides whether the router earns its place. */
export function reportOn(
  rows: readonly TriageRow[],
  gains: HeldOutGains,
  options: { readonly folds: number; readonly seed: number; readonly cuts: Cuts },
): TriageReport {
  const outcomes: Outcomes = { small: rows.map((row) => row.small), big: rows.map((row) => row.big) };
  const clusters = clustersOf(rows);
  const gap = gapOf(rows, clusters);
  const stable = Math.abs(gap.mean) >= 2 * gap.standardError && gap.mean !== 0;
  const curve = new EscalationCurve(gains.router, outcomes);
  const lookupCurve = gains.lookup ? new EscalationCurve(gains.lookup, outcomes) : null;
  const draws = new ClusterDraws(clusters, rows.length, options.seed);
  const figures = (of: EscalationCurve): RouterFigures => {
    const { small: _small, big: _big, ...rest } = of.figures();
    return { ...rest, apgr: stable ? rest.apgr : null, apgr95: stable ? draws.interval((weights) => of.apgr(weights)) : null };
  };
  const router = figures(curve);
  const overLookup =
    stable && lookupCurve
      ? {
          apgr: curve.apgr() - lookupCurve.apgr(),
          apgr95: draws.interval((weights) => curve.apgr(weights) - lookupCurve.apgr(weights)),
        }
      : null;
  const refusals = refusalsOf({ stable, gap: gap.mean, apgr95: router.apgr95, overLookup });
  const { small, big } = curve.figures();
  return {
    use: refusals.length === 0,
    refusals,
    ...router,
    rows: rows.length,
    clusters: clusters.length,
    folds: options.folds,
    quality: { small, big, gap: gap.mean, gapStandardError: gap.standardError },
    lookup: lookupCurve ? figures(lookupCurve) : null,
    overLookup,
    tiers: tierFigures(rows, gains.router, options.cuts),
  };
}

function refusalsOf(found: {
  readonly stable: boolean;
  readonly gap: number;
  readonly apgr95: Interval | null;
  readonly overLookup: TriageReport['overLookup'];
}): Refusal[] {
  if (!found.stable) return ['gap-unstable'];
  if (found.gap < 0) return ['big-not-better'];
  const refusals: Refusal[] = [];
  // Written so that an interval that is not a number refuses too.
  if (!(found.apgr95 && found.apgr95.low > 0.5)) refusals.push('no-better-than-random');
  if (found.overLookup && !(found.overLookup.apgr95.low > 0)) refusals.push('no-better-than-lookup');
  return refusals;
}

/** Rows of each cluster. */
function clustersOf(rows: readonly TriageRow[]): number[][] {
  const clusters = new Map<string, number[]>();
  groupKeys(rows).forEach((key, row) => {
    const members = clusters.get(key);
    if (members) members.push(row);
    else clusters.set(key, [row]);
  });
  return [...clusters.values()];
}

/** Mean of big − small with its cluster-robust standard error. */
function gapOf(rows: readonly TriageRow[], clusters: readonly (readonly number[])[]): { mean: number; standardError: number } {
  const n = rows.length;
  const mean = rows.reduce((sum, row) => sum + row.big - row.small, 0) / n;
  let squares = 0;
  for (const members of clusters) squares += members.reduce((sum, row) => sum + rows[row]!.big - rows[row]!.small - mean, 0) ** 2;
  const correction = clusters.length > 1 ? clusters.length / (clusters.length - 1) : 1;
  return { mean, standardError: Math.sqrt(squares * correction) / n };
}

/** Bootstrap draws of whole clusters, the same ones for every statistic: differences of two intervals' routers are paired. */
class ClusterDraws {
  readonly #clusters: readonly (readonly number[])[];
  readonly #weights: Int32Array;
  readonly #seed: number;

  constructor(clusters: readonly (readonly number[])[], rows: number, seed: number) {
    this.#clusters = clusters;
    this.#weights = new Int32Array(rows);
    this.#seed = seed;
  }

  interval(statistic: (weights: Int32Array) => number): Interval {
    const weights = this.#weights;
    return pairedBootstrap(
      this.#clusters.length,
      (drawn) => {
        weights.fill(0);
        for (const cluster of drawn) for (const row of this.#clusters[cluster]!) weights[row] = weights[row]! + 1;
        return statistic(weights);
      },
      { resamples: RESAMPLES, level: LEVEL, seed: this.#seed },
    );
  }
}

function tierFigures(rows: readonly TriageRow[], gains: Float64Array, cuts: Cuts): Readonly<Record<Tier, TierFigures>> {
  const figures = (tier: Tier): TierFigures => {
    const members = rows.filter((_row, index) => tierOf(gains[index]!, cuts) === tier);
    const mean = (side: 'small' | 'big') =>
      members.length === 0 ? null : members.reduce((sum, row) => sum + row[side], 0) / members.length;
    return { share: members.length / rows.length, small: mean('small'), big: mean('big') };
  };
  const [easy, medium, hard] = TIERS;
  return { [easy]: figures(easy), [medium]: figures(medium), [hard]: figures(hard) } as Readonly<Record<Tier, TierFigures>>;
}
