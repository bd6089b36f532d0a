import { SmallfirstError } from '../core/index.ts';
import { clopperPearson, type Interval, pairedBootstrap } from '../statistics/index.ts';
import { cohenKappa, kappaOfSums, type ScaleSums } from './kappa.ts';

/** One answer that a person and a judge both scored, from 0 to 1. */
export interface RatedAnswer {
  readonly human: number;
  readonly judge: number;
  /** Answers of one request are not independent: they are drawn together. Absent: the answer stands alone. */
  readonly cluster?: string;
}

export interface AgreementOptions {
  /** Scores from here on pass. 0.5 when absent. */
  readonly cut?: number;
  /** Of the intervals, two-sided; 0.95 when absent. */
  readonly level?: number;
  readonly seed?: number;
}

/** How far a judge can stand in for people. */
export interface JudgeAgreement {
  readonly answers: number;
  /** Independent units: requests. */
  readonly n: number;
  readonly cut: number;
  readonly level: number;
  /** Cohen's κ of pass and fail at the cut. */
  readonly kappa: number | null;
  /** By bootstrap over requests, its low end no higher than the observed agreement's exact bound allows; null below 20 requests. */
  readonly interval: Interval | null;
  readonly counts: { readonly bothPass: number; readonly onlyHuman: number; readonly onlyJudge: number; readonly bothFail: number };
  /** κ of the scores themselves, weighted by the square of their distance, with its bootstrap interval. */
  readonly graded: { readonly kappa: number | null; readonly interval: Interval | null };
  /** Mean of judge minus human: above 0, the judge is too kind. */
  readonly bias: number;
}

/** Requests below which an interval would say more than the labels do. */
export const FEWEST_FOR_INTERVAL = 20;
const RESAMPLES = 1000;

/** Judge–human agreement. Throws INPUT_INVALID for no rows, or scores outside 0…1. */
export function judgeAgreement(rows: readonly RatedAnswer[], { cut = 0.5, level = 0.95, seed = 0 }: AgreementOptions = {}): JudgeAgreement {
  if (rows.length === 0) throw new SmallfirstError('INPUT_INVALID', 'there are no answers that both a person and a judge scored');
  if (rows.some(({ human, judge }) => !(human >= 0 && human <= 1 && judge >= 0 && judge <= 1))) {
    throw new SmallfirstError('INPUT_INVALID', 'scores of people and judges lie in 0…1');
  }
  const units = unitsOf(rows, cut);
  const total = addUp(units, units.keys());
  const binary = cohenKappa(tableOf(total));
  const draw = (statistic: (sums: UnitSums) => number | null): Interval | null => {
    if (units.length < FEWEST_FOR_INTERVAL) return null;
    const interval = pairedBootstrap(units.length, (indices) => statistic(addUp(units, indices)) ?? Number.NaN, {
      resamples: RESAMPLES,
      level,
      seed,
    });
    return Number.isNaN(interval.low) ? null : interval;
  };
  const interval = binary.kappa === null ? null : draw((sums) => cohenKappa(tableOf(sums)).kappa);
  return {
    answers: rows.length,
    n: units.length,
    cut,
    level,
    kappa: binary.kappa,
    interval: interval && { low: Math.min(interval.low, exactLow(binary, units.length, level)), high: interval.high },
    counts: { bothPass: total.pp, onlyHuman: total.pf, onlyJudge: total.fp, bothFail: total.ff },
    graded: { kappa: kappaOfSums(total), interval: draw(kappaOfSums) },
    bias: (total.b - total.a) / total.n,
  };
}

/** Where no row disagrees the bootstrap has nothing to draw: the exact bound of the observed agreement stands in for what was not seen. */
function exactLow({ observed, expected }: { readonly observed: number; readonly expected: number }, n: number, level: number): number {
  const { low } = clopperPearson(Math.round(observed * n), n, level);
  return (low - expected) / (1 - expected);
}

/** Sums of a request's answers: of the scale, and counts of pass (p) and fail (f), the person's first. */
interface UnitSums extends ScaleSums {
  readonly pp: number;
  readonly pf: number;
  readonly fp: number;
  readonly ff: number;
}

type Sums = { -readonly [Key in keyof UnitSums]: number };

function unitsOf(rows: readonly RatedAnswer[], cut: number): readonly UnitSums[] {
  const units = new Map<string, Sums>();
  for (const [index, { human, judge, cluster }] of rows.entries()) {
    const name = cluster === undefined ? `row ${index}` : `cluster ${cluster}`;
    let sums = units.get(name);
    if (sums === undefined) {
      sums = nothing();
      units.set(name, sums);
    }
    const [humanPasses, judgePasses] = [human >= cut, judge >= cut];
    sums.n += 1;
    sums.a += human;
    sums.b += judge;
    sums.aa += human * human;
    sums.bb += judge * judge;
    sums.ab += human * judge;
    sums[humanPasses ? (judgePasses ? 'pp' : 'pf') : judgePasses ? 'fp' : 'ff'] += 1;
  }
  return [...units.values()];
}

const nothing = (): Sums => ({ n: 0, a: 0, b: 0, aa: 0, bb: 0, ab: 0, pp: 0, pf: 0, fp: 0, ff: 0 });

function addUp(units: readonly UnitSums[], indices: Iterable<number>): UnitSums {
  const total = nothing();
  for (const index of indices) {
    const unit = units[index]!;
    total.n += unit.n;
    total.a += unit.a;
    total.b += unit.b;
    total.aa += unit.aa;
    total.bb += unit.bb;
    total.ab += unit.ab;
    total.pp += unit.pp;
    total.pf += unit.pf;
    total.fp += unit.fp;
    total.ff += unit.ff;
  }
  return total;
}

function tableOf({ pp, pf, fp, ff }: UnitSums): readonly (readonly number[])[] {
  return [
    [pp, pf],
    [fp, ff],
  ];
}
