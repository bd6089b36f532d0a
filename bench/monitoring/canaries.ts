import { newId } from '../../src/core/index.ts';
import { LiveMonitor } from '../../src/life/index.ts';
import { seededRandom, wilson } from '../../src/statistics/index.ts';
import type { StoredPair } from '../../src/store/types.ts';
import { type Median, medianOf, RUNS } from './delays.ts';
import { outcome, type Population, THRESHOLD } from './traffic.ts';

const STAGES = [0.05, 0.25, 1] as const;
const SETTINGS = { auditShare: 0.02, stages: STAGES, auditsPerStage: 200, saferThresholds: [] };
const CERTIFICATE = {
  id: 'simulated',
  task: 'simulated',
  verdict: 'cascade',
  threshold: THRESHOLD,
  accepted: 0.7,
  floor: { retain: 0.98, level: 0.95 },
} as const;
/** Audits after which a canary that neither ended nor fell is given up; none was. */
const MOST_AUDITS = 20_000;

/** What became of canaries of one certificate. */
export interface CanaryFigures {
  readonly retained: number;
  readonly runs: number;
  /** Shares of runs that fell, by rollback or alarm, before the canary was complete. */
  readonly fell: { readonly share: number; readonly low: number; readonly high: number };
  /** Of all runs, those that fell at 5, 25 and 100 %. */
  readonly fellAt: readonly number[];
  /** Of the runs that fell: accepted audits until then, and requests that the certificate routed. */
  readonly audits: Median;
  readonly routed: Median;
  /** Of the runs that completed: accepted audits until then. */
  readonly auditsToComplete: Median;
}

/** Runs whole canaries through the product's own monitor. */
export function canaries(retained: number, seed: number): CanaryFigures {
  const random = seededRandom(seed);
  const population: Population = { retained, escalated: 0.3, losses: 'by-confidence' };
  const fellAt = STAGES.map(() => 0);
  const fallen: { audits: number; routed: number }[] = [];
  const complete: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const end = oneCanary(population, random);
    if (end.stage === null) complete.push(end.audits);
    else {
      fellAt[end.stage]! += 1;
      fallen.push(end);
    }
  }
  return {
    retained,
    runs: RUNS,
    fell: { share: fallen.length / RUNS, ...wilson(fallen.length, RUNS, 0.95) },
    fellAt: fellAt.map((count) => count / RUNS),
    audits: medianOf(fallen.map(({ audits }) => audits)),
    routed: medianOf(fallen.map(({ routed }) => routed)),
    auditsToComplete: medianOf(complete),
  };
}

/** `stage`: where it fell, null where it completed. */
function oneCanary(population: Population, random: ReturnType<typeof seededRandom>) {
  const monitor = new LiveMonitor(CERTIFICATE, SETTINGS);
  const source = { newId, now: () => 0 };
  let audits = 0;
  let routed = 0;
  let stage = 0;
  monitor.open(source);
  while (audits < MOST_AUDITS) {
    routed += 1;
    const accepted = random.next() >= population.escalated;
    const confidence = accepted ? THRESHOLD + (1 - THRESHOLD) * random.next() : THRESHOLD * random.next();
    const inclusion = monitor.auditProbability(confidence, accepted);
    if (random.next() >= inclusion) continue;
    if (accepted) audits += 1;
    const { small, big } = outcome(population, confidence, random);
    const events = monitor.audited({ ...PAIR, confidence, inclusion, smallQuality: small, bigQuality: big }, source);
    if (monitor.exposure === 0) return { stage, audits, routed };
    if (events.length === 0) continue;
    if (stage === STAGES.length - 1) return { stage: null, audits, routed };
    stage += 1;
  }
  throw new Error('a canary did not end');
}

const PAIR: StoredPair = {
  id: 'row',
  task: CERTIFICATE.task,
  small: 'small',
  big: 'big',
  at: 0,
  drawn: 'audit',
  inclusion: 1,
  cluster: null,
  smallQuality: 1,
  bigQuality: 1,
  confidence: null,
  signals: {},
  smallCost: null,
  bigCost: null,
  smallLatencyMs: null,
  bigLatencyMs: null,
  requestId: null,
  certificate: CERTIFICATE.id,
  prompt: null,
  servedSmall: null,
  servedBig: null,
  input: null,
  smallOutput: null,
  bigOutput: null,
  by: 'agreement',
  skip: false,
};
