import { calibrate } from '../confidence/index.ts';
import type { LockedCertificate } from '../config/index.ts';
import type { NanoUsd } from '../core/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import type { StoredPair } from '../store/types.ts';
import { Gate, parseGate } from '../triage/index.ts';
import { acceptsPair } from './live-monitor-evidence.ts';

/** What a policy costs and how long it takes, by the pairs of its small model. Null where no pair says. */
export interface PolicyFigures {
  readonly pairs: number;
  /** Mean of a request, escalations with both calls. */
  readonly cost: NanoUsd | null;
  readonly p95Ms: number | null;
}

/** A certificate's policy against what answers now and against the ceiling, by pairs. */
export interface PromotionFigures {
  readonly candidate: PolicyFigures;
  /** What the lock file's certificate does now; the ceiling where it holds none. */
  readonly incumbent: PolicyFigures;
  readonly ceiling: PolicyFigures;
}

/** One condition of a promotion. */
export interface PromotionGate {
  readonly name: 'template' | 'golden' | 'evidence' | 'certificate' | 'cost' | 'latency';
  /** `waiting`: not enough is known yet; `skipped`: nobody asked for it. */
  readonly state: 'passed' | 'failed' | 'waiting' | 'skipped';
  /** One sentence for people. */
  readonly reason: string;
}

/** Figures of a promotion. `incumbent` is the certificate in force; null where the ceiling answers. */
export function promotionFigures(
  certificate: LockedCertificate,
  incumbent: LockedCertificate | null,
  pairs: readonly StoredPair[],
): PromotionFigures {
  const own = pairs.filter(({ small, big }) => small === certificate.small && big === certificate.big);
  const ceiling = ceilingOf(own.length > 0 ? own : pairs);
  if (incumbent === null) return { candidate: policyFigures(certificate, own), incumbent: ceiling, ceiling };
  const theirs = pairs.filter(({ small, big }) => small === incumbent.small && big === incumbent.big);
  return { candidate: policyFigures(certificate, own), incumbent: policyFigures(incumbent, theirs), ceiling };
}

/**
 * Whether a policy may take over: cheaper than the ceiling, not dearer than what answers now, and its 95th percentile of latency at most
 * `latencyRatio` times the ceiling's. A cost that nobody knows fails, because unknown is not cheap; an unknown latency is told and passes.
 */
export function promotionGates({ candidate, incumbent, ceiling }: PromotionFigures, latencyRatio: number): readonly PromotionGate[] {
  return [costGate(candidate, incumbent, ceiling), latencyGate(candidate, ceiling, latencyRatio)];
}

function costGate(candidate: PolicyFigures, incumbent: PolicyFigures, ceiling: PolicyFigures): PromotionGate {
  const name = 'cost';
  if (candidate.cost === null || ceiling.cost === null) {
    const whose = candidate.cost === null ? 'the candidate' : 'the ceiling';
    return { name, state: 'failed', reason: `What ${whose} costs is not known: declare its price.` };
  }
  if (candidate.cost >= ceiling.cost) {
    return { name, state: 'failed', reason: `It costs ${usd(candidate.cost)} a request, and the ceiling ${usd(ceiling.cost)}.` };
  }
  const now = incumbent.cost ?? ceiling.cost;
  const state = candidate.cost <= now ? 'passed' : 'failed';
  return {
    name,
    state,
    reason: `It costs ${usd(candidate.cost)} a request; what answers now costs ${usd(now)}, the ceiling ${usd(ceiling.cost)}.`,
  };
}

function latencyGate(candidate: PolicyFigures, ceiling: PolicyFigures, ratio: number): PromotionGate {
  const name = 'latency';
  if (candidate.p95Ms === null || ceiling.p95Ms === null)
    return { name, state: 'skipped', reason: 'No pair says how long the answers took.' };
  const state = candidate.p95Ms <= ratio * ceiling.p95Ms ? 'passed' : 'failed';
  const times = ceiling.p95Ms === 0 ? '' : `, ${(candidate.p95Ms / ceiling.p95Ms).toPrecision(3)} times the ceiling's (at most ${ratio})`;
  return { name, state, reason: `95 % of its answers take at most ${candidate.p95Ms.toPrecision(3)} ms${times}.` };
}

function policyFigures(certificate: LockedCertificate, pairs: readonly StoredPair[]): PolicyFigures {
  const confidence = certificateConfidence(certificate);
  const costs: number[] = [];
  const times: number[] = [];
  for (const pair of pairs) {
    const accepted = acceptsPair(certificate, { ...pair, confidence: pair.confidence ?? confidence(pair) });
    const cost = together(pair, accepted, [pair.smallCost, pair.bigCost]);
    const time = together(pair, accepted, [pair.smallLatencyMs, pair.bigLatencyMs]);
    if (cost !== null) costs.push(cost);
    if (time !== null) times.push(time);
  }
  return figures(pairs.length, costs, times);
}

/** A triage asks the ceiling alone, an accepted answer the small model alone, an escalation both. */
function together({ skip }: StoredPair, accepted: boolean, [small, big]: readonly [number | null, number | null]): number | null {
  if (skip) return big;
  if (accepted) return small;
  return small === null || big === null ? null : small + big;
}

function ceilingOf(pairs: readonly StoredPair[]): PolicyFigures {
  const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);
  return figures(pairs.length, known(pairs.map(({ bigCost }) => bigCost)), known(pairs.map(({ bigLatencyMs }) => bigLatencyMs)));
}

function figures(pairs: number, costs: readonly number[], times: readonly number[]): PolicyFigures {
  const cost = costs.length === 0 ? null : (Math.round(costs.reduce((sum, each) => sum + each, 0) / costs.length) as NanoUsd);
  return { pairs, cost, p95Ms: times.length === 0 ? null : quantileSorted(Float64Array.from(times).sort(), 0.95) };
}

/** What a certificate's signal or gate classifier, and its calibrator, make of a pair; null where it reads nothing of it. */
function certificateConfidence({ signal, calibrator, classifier }: LockedCertificate): (pair: StoredPair) => number | null {
  if (calibrator === null) return () => null;
  if (classifier !== undefined) {
    const model = parseGate(classifier);
    const gate = new Gate(model);
    return ({ signals, input }) => {
      if (Object.keys(signals).length === 0 || (model.readsText && input === null)) return null;
      return calibrate(calibrator, gate.score({ signals, text: input }));
    };
  }
  return ({ signals }) => {
    const value = signal === null ? undefined : signals[signal];
    return value === undefined ? null : calibrate(calibrator, value);
  };
}

function usd(amount: number): string {
  return `$${(amount / 1e9).toPrecision(3)}`;
}
