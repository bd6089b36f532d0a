import { ALARM_LIMIT, AuditPlan, auditWeight, retentionScore, WeightedECusum } from '../../src/monitor/index.ts';
import { type Random, seededRandom, wilson } from '../../src/statistics/index.ts';
import { type DrawnRow, drawRow, type Population } from './traffic.ts';

export const FLOOR = 0.98;
export const RUNS = 1_000;
/** Mean audit probability. Delays in audits depend on ratios of probabilities alone. */
const SHARE = 0.02;
const HEALTHY = 0.994;

/** How rows are drawn and weighed. `unweighted`: every escalated request and the audits, all with weight 1. */
export type Design = 'uniform' | 'neyman' | 'unweighted';

export interface Scenario {
  readonly name: string;
  readonly design: Design;
  readonly escalated: number;
  readonly losses: Population['losses'];
  /** Accepted audits of healthy traffic before the drop. */
  readonly before: number;
}

/** Median of delays with its 95 % interval (order statistics); null where it lies past the end of the runs. */
export interface Median {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Accepted audits from the drop to the alarm, run by run; Infinity where none came before `most`. */
export function delays(scenario: Scenario, retained: number, most: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: RUNS }, () => delayOf(scenario, retained, most, random));
}

function delayOf(scenario: Scenario, retained: number, most: number, random: Random): number {
  const { escalated, losses } = scenario;
  const plan = scenario.design === 'neyman' ? new AuditPlan(SHARE) : null;
  const minimum = plan?.minimum ?? SHARE;
  const detector = new WeightedECusum();
  let accepted = 0;
  while (accepted < scenario.before + most) {
    const population = { retained: accepted < scenario.before ? HEALTHY : retained, escalated, losses };
    const row = scenario.design === 'unweighted' ? unweightedRow(population, random) : drawRow(population, plan ?? SHARE, random);
    const score = retentionScore(row, FLOOR);
    const weight = scenario.design === 'unweighted' ? 1 : auditWeight(row.inclusion, minimum);
    if (row.accepted) {
      accepted += 1;
      plan?.add(row.confidence, score, row.inclusion);
    }
    if (detector.add(score, weight) >= ALARM_LIMIT) return accepted - scenario.before;
  }
  return Number.POSITIVE_INFINITY;
}

/** A row of the stream that one gets without thinning: all escalated requests, and audits of a share of the others. */
function unweightedRow(population: Population, random: Random): DrawnRow {
  const { escalated } = population;
  const isEscalated = random.next() * (escalated + (1 - escalated) * SHARE) < escalated;
  if (!isEscalated) return drawRow({ ...population, ...onAcceptedOnly(population) }, SHARE, random);
  const big = random.next() < 0.9 ? 1 : 0;
  return { accepted: false, confidence: 0, inclusion: 1, small: 0, big };
}

/** The same losses among accepted answers, told of a population that has only those. */
function onAcceptedOnly({ retained, escalated }: Population): Pick<Population, 'retained' | 'escalated'> {
  return { retained: 1 - (1 - retained) / (1 - escalated), escalated: 0 };
}

export function medianOf(values: readonly number[]): Median {
  const sorted = [...values].sort((a, b) => a - b);
  const half = 0.98 * Math.sqrt(sorted.length);
  const at = (rank: number) => {
    const value = sorted[Math.round(rank)] ?? Number.POSITIVE_INFINITY;
    return Number.isFinite(value) ? value : null;
  };
  return { value: at(sorted.length / 2), low: at(sorted.length / 2 - half), high: at(sorted.length / 2 + half) };
}

/** Share of runs with an alarm within so many audits, with Wilson's interval. */
export function foundWithin(values: readonly number[], audits: number) {
  const found = values.filter((value) => value <= audits).length;
  return { share: found / values.length, runs: values.length, ...wilson(found, values.length, 0.95) };
}
