import { type CertifyResult, certify } from '../certify/index.ts';
import type { EvalVerdict, Pair } from '../core/index.ts';
import { comparePaired } from '../metrics/index.ts';
import { clusterOf, sharedUnits, unitId } from './pairs.ts';
import type { Seat, Session } from './session.ts';
import type { Comparison } from './types.ts';

/** Sets a candidate beside the ceiling on the items that both answered. */
export function compare(session: Session, seat: Seat): Comparison {
  const { observations } = seat;
  const ceiling = session.seats[0].observations;
  const units = sharedUnits(session, observations);
  const base = { candidate: seat.model.name, pairs: units.length, disagreements: seat.disagreements.list() };
  if (units.length === 0) {
    const nothing = {
      n: 0,
      difference: null,
      interval: null,
      mcnemarP: null,
      lost: 0,
      gained: 0,
      retained: null,
      retainedLowerBound: null,
    };
    return { ...base, ...nothing, verdict: 'NOT ENOUGH EVIDENCE', pairsNeeded: null, because: 'no item was answered by both' };
  }
  const small = units.map((unit) => observations.quality(unit));
  const big = units.map((unit) => ceiling.quality(unit));
  const paired = comparePaired(small, big, intervalOptions(session, units));
  const { result, verdict, because } = judge(session, seat, units);
  return {
    ...base,
    n: result.n,
    difference: paired.difference,
    interval: paired.interval,
    mcnemarP: paired.mcnemar,
    lost: paired.losses,
    gained: paired.wins,
    retained: result.retained,
    retainedLowerBound: result.retainedLowerBound,
    verdict,
    pairsNeeded: result.pairsNeeded,
    because,
  };
}

/** How intervals over these units are drawn: fewer resamples for large sets, where each says more. */
export function intervalOptions(session: Session, units: readonly number[]) {
  const clusters = units.map((unit) => clusterOf(session, unit));
  return {
    level: session.plan.task.floor.level,
    resamples: Math.max(200, Math.min(1000, Math.floor(2e7 / units.length))),
    ...(clusters.every((cluster) => cluster !== null) ? { clusters } : {}),
  };
}

interface Judgement {
  readonly result: CertifyResult;
  readonly verdict: EvalVerdict;
  readonly because: string;
}

/**
 * The one planned test of a swap. Confidences and costs are left out: this asks whether the candidate alone keeps the floor, and not
 * whether that is worth it. A PASS must stand even if every item that the candidate failed on were wrong.
 */
function judge(session: Session, seat: Seat, units: readonly number[]): Judgement {
  const { floor } = session.plan.task;
  const { look } = session.plan;
  const pairs = units.map((unit) => barePair(session, seat, unit));
  const test = (of: readonly Pair[]) => certify(of, { floor: floor.retain, level: floor.level, method: 'score', look });
  const result = test(pairs);
  if (session.stopped) {
    // A verdict now and another at the end would be two looks at one sample.
    return { result, verdict: 'NOT ENOUGH EVIDENCE', because: 'the run was stopped; run again to finish it' };
  }
  if (result.verdict !== 'swap') {
    const failed = result.reason === 'floor-missed';
    return { result, verdict: failed ? 'FAIL' : 'NOT ENOUGH EVIDENCE', because: failed ? missed(result) : undecided(result) };
  }
  const failed = [...seat.failed].filter((unit) => !Number.isNaN(session.seats[0].observations.quality(unit)));
  if (failed.length > 0 && test([...pairs, ...failed.map((unit) => barePair(session, seat, unit))]).verdict !== 'swap') {
    const because = `it would pass, were it not for ${failed.length === 1 ? '1 item' : `${failed.length} items`} without an answer; run again to fill the gaps`;
    return { result, verdict: 'NOT ENOUGH EVIDENCE', because };
  }
  return { result, verdict: 'PASS', because: `keeps ${share(result.retained)}, at least ${share(result.retainedLowerBound)}` };
}

function barePair(session: Session, seat: Seat, unit: number): Pair {
  const quality = seat.observations.quality(unit);
  const cluster = clusterOf(session, unit);
  return {
    id: unitId(session, unit),
    small: { quality: Number.isNaN(quality) ? 0 : quality },
    big: { quality: session.seats[0].observations.quality(unit) },
    ...(cluster === null ? {} : { cluster }),
  };
}

function missed(result: CertifyResult): string {
  return `keeps ${share(result.retained)}, which is surely less than ${share(result.floor)}`;
}

function undecided(result: CertifyResult): string {
  const more =
    result.pairsNeeded === null
      ? 'more pairs would not let it pass at these rates'
      : `about ${result.pairsNeeded.toLocaleString('en-US')} more pairs would let it pass at these rates`;
  return `keeps ${share(result.retained)}, surely at least ${share(result.retainedLowerBound)}; ${more}`;
}

function share(value: number | null): string {
  return value === null ? 'an unknown share' : `${(value * 100).toFixed(1)} %`;
}
