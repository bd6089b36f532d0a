import type { AuditedRow, AuditPlan } from '../../src/monitor/index.ts';
import type { Random } from '../../src/statistics/index.ts';

/** Share of requests that the ceiling gets right, and of requests that only the accepted small answer gets right. */
export const CEILING_RIGHT = 0.9;
export const GAINED = 0.015;
export const THRESHOLD = 0.7;

/** Where losses lie: `by-confidence`: as often as calibrated confidences say, most next to the threshold; `even`: equally at all of them. */
export type Losses = 'by-confidence' | 'even';

/** Simulated traffic: accepted answers have confidences uniform in .7…1. */
export interface Population {
  /** θ: what the policy retains over all requests. */
  readonly retained: number;
  readonly escalated: number;
  readonly losses: Losses;
}

/** A drawn row with the confidence of its small answer. */
export interface DrawnRow extends AuditedRow {
  readonly confidence: number;
}

/** P(accepted small answer wrong, ceiling right) on average over accepted answers, so that all requests retain θ. */
function meanLoss({ retained, escalated }: Population): number {
  return ((1 - retained) * CEILING_RIGHT) / (1 - escalated) + GAINED;
}

/** One audited row, drawn as audits are: a request is kept with the probability that `plan` gives it, an escalated one with π_min. */
export function drawRow(population: Population, plan: AuditPlan | number, random: Random): DrawnRow {
  const minimum = typeof plan === 'number' ? plan : plan.minimum;
  const most = typeof plan === 'number' ? plan : Math.max(...plan.strata.map(({ probability }) => probability));
  for (;;) {
    const accepted = random.next() >= population.escalated;
    const confidence = accepted ? THRESHOLD + (1 - THRESHOLD) * random.next() : THRESHOLD * random.next();
    const inclusion = accepted && typeof plan !== 'number' ? plan.probability(confidence) : minimum;
    // The same draw as with probability `inclusion`, without the requests that nobody would have looked at.
    if (inclusion < most && random.next() * most >= inclusion) continue;
    return { accepted, confidence, inclusion, ...outcome(population, confidence, random) };
  }
}

/** Qualities of a request whose small answer has this confidence. */
export function outcome(population: Population, confidence: number, random: Random): { readonly small: number; readonly big: number } {
  const mean = meanLoss(population);
  // 1 − confidence averages (1 − THRESHOLD)/2 over accepted answers.
  const loss = population.losses === 'even' ? mean : (mean * 2 * (1 - Math.min(1, confidence))) / (1 - THRESHOLD);
  const u = random.next();
  if (u < loss) return { small: 0, big: 1 };
  if (u < CEILING_RIGHT) return { small: 1, big: 1 };
  return u < CEILING_RIGHT + GAINED ? { small: 1, big: 0 } : { small: 0, big: 0 };
}
