import type { LockedCertificate } from '../config/index.ts';
import { addUsd, type Call, contentHash, type EpochMs, type Json, type Model, type NanoUsd, ZERO_USD } from '../core/index.ts';
import { type AuditedRow, isAuditedRow, type RetainedEstimate, retainedEstimate } from '../monitor/index.ts';
import {
  type AttemptResult,
  licences,
  type Policy,
  type RecordedAttempt,
  type ReplayCase,
  type ReplaySummary,
  replayPolicy,
  rungOf,
  summariseReplay,
} from '../policy/index.ts';
import type { RecordedRequest, StoredPair } from '../store/types.ts';
import { acceptsPair } from './live-monitor-evidence.ts';
import { certificateConfidence } from './review-curves.ts';

/** Another policy of a task. */
export interface TrafficPolicy {
  /** Cheapest first; the last is the ceiling. */
  readonly ladder: readonly Model[];
  readonly certificate: LockedCertificate | null;
  /** A person's number, never certified; null without one. */
  readonly threshold: number | null;
  /** False while the task is only observed or shadowed: its ceiling answers everything. */
  readonly isLive: boolean;
  /** What a recorded call would cost under the policy's own prices; null where it has none. */
  readonly price: (call: Call) => NanoUsd | null;
}

/** What traffic is replayed from. */
export interface Traffic {
  readonly requests: readonly RecordedRequest[];
  readonly pairs: readonly StoredPair[];
  /** The certificate that recorded confidences were calibrated by; null for none. */
  readonly recordedBy: LockedCertificate | null;
  /** Since when it has been in force: earlier confidences are on a scale that nobody knows any more. */
  readonly recordedSince: EpochMs;
}

/**
 * Why a request cannot be replayed. `unrecorded`: the policy would call a model that was not asked then. `no-confidence`: the model was
 * asked, and what its answer was weighed by is not kept, or was calibrated otherwise.
 */
export interface NotReplayable {
  readonly why: 'unrecorded' | 'no-confidence';
  readonly model: string;
  readonly requests: number;
}

/** What a policy would have done with recorded traffic. Money and shares are of the requests that could be replayed. */
export interface TrafficReplay {
  readonly summary: ReplaySummary;
  /** What clients' answers of the same requests cost: shadows, audits and judges apart. */
  readonly before: NanoUsd;
  readonly unpricedBefore: number;
  /** Share answered by a model below the ceiling; null without any replayed request. */
  readonly kept: number | null;
  readonly notReplayable: readonly NotReplayable[];
  /** By uniform pairs of the span, or audits where there are none, weighted by how they were drawn; null without any. */
  readonly retained: RetainedEstimate | null;
  /** Whether a rung below the ceiling may answer at all. */
  readonly routes: boolean;
}

/** Replays recorded requests under a policy, by the rule that answers live. Nothing unrecorded is made up. */
export function replayTraffic(
  { requests, pairs, recordedBy, recordedSince }: Traffic,
  policy: TrafficPolicy,
  level: number,
): TrafficReplay {
  const paired = new Map<string, StoredPair[]>();
  for (const pair of pairs) {
    if (pair.requestId !== null) paired.set(pair.requestId, [...(paired.get(pair.requestId) ?? []), pair]);
  }
  const reading = readingOf(policy, recordedBy, recordedSince);
  const cases = requests.map((request) => caseOf(request, paired.get(request.requestId) ?? [], { policy, reading }));
  const live = livePolicy(policy);
  const ceiling = policy.ladder.length - 1;
  const outcomes = replayPolicy(cases, ({ skip }) => (skip && live.ladder.length > 1 ? { ...live, startAt: ceiling } : live));
  const missing = new Map<string, { why: NotReplayable['why']; model: string; requests: number }>();
  let before = ZERO_USD;
  let unpricedBefore = 0;
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.unrecorded === null) {
      for (const call of requests[i]!.calls.filter(({ purpose }) => CLIENT.has(purpose))) {
        if (call.cost === null) unpricedBefore += 1;
        else before = addUsd(before, call.cost);
      }
      continue;
    }
    const model = outcome.unrecorded;
    const why = cases[i]!.unread.has(model) ? 'no-confidence' : 'unrecorded';
    const entry = missing.get(`${why} ${model}`) ?? { why, model, requests: 0 };
    entry.requests += 1;
    missing.set(`${why} ${model}`, entry);
  }
  const summary = summariseReplay(outcomes);
  const replayed = summary.requests - summary.unrecorded;
  const last = policy.ladder.at(-1)?.name;
  const kept = outcomes.filter(({ answer }) => answer !== null && answer.model !== last).length;
  return {
    summary,
    before,
    unpricedBefore,
    kept: replayed === 0 ? null : kept / replayed,
    notReplayable: [...missing.values()],
    retained: retainedOf(pairs, policy, level),
    routes: live.ladder.length > 1,
  };
}

const CLIENT: ReadonlySet<Call['purpose']> = new Set<Call['purpose']>(['answer', 'escalation', 'polish', 'passthrough']);
/** Calls that say what a model answers to a request. */
const ANSWERS: ReadonlySet<Call['purpose']> = new Set<Call['purpose']>(['answer', 'escalation', 'shadow', 'audit']);

/** As a gateway does: the expiry and the pins of a certificate are taken to hold, for the question is what it would do. */
function livePolicy({ ladder, certificate, threshold, isLive }: TrafficPolicy): Policy {
  const found = licences({
    certificate: isLive ? certificate : null,
    ladder: ladder.map(({ name }) => name),
    fixedThreshold: isLive ? threshold : null,
    now: Number.NEGATIVE_INFINITY,
    pins: certificate?.pins ?? {},
  });
  const rungs = ladder.flatMap((model, i) => (found[i] === undefined ? [] : [rungOf(model, found[i])]));
  const isRouted = found.slice(0, -1).some(({ kind }) => kind !== 'uncertified');
  return { ladder: isRouted ? rungs : rungs.slice(-1) };
}

interface Reading {
  /** From a pair's signals, by the policy's own calibrator; null where the policy reads none. */
  readonly ofPair: ((pair: StoredPair) => number | null) | null;
  /** From when on the confidence on a row is on the policy's scale; infinity where none is. */
  readonly sameScaleFrom: EpochMs;
  /** Whether an answer of this model is weighed by its confidence. */
  readonly weighs: (model: string) => boolean;
}

function readingOf({ certificate, threshold }: TrafficPolicy, recordedBy: LockedCertificate | null, recordedSince: EpochMs): Reading {
  // A person's number is compared with whatever confidence the row has.
  if (threshold !== null || certificate === null) return { ofPair: null, sameScaleFrom: Number.NEGATIVE_INFINITY, weighs: () => false };
  return {
    ofPair: certificate.signal === null && certificate.classifier === undefined ? null : certificateConfidence(certificate),
    sameScaleFrom: recordedBy !== null && scaleOf(recordedBy) === scaleOf(certificate) ? recordedSince : Number.POSITIVE_INFINITY,
    weighs: (model) => model === certificate.small && (certificate.verdict === 'cascade' || certificate.accepted < 1),
  };
}

function scaleOf({ small, signal, calibrator, gate, classifier }: LockedCertificate): string {
  return contentHash({ small, signal, calibrator, gate, classifier: classifier ?? null } as unknown as Json);
}

interface TrafficCase extends ReplayCase {
  readonly skip: boolean;
  /** Models that answered, and by a confidence that cannot be read. */
  readonly unread: ReadonlySet<string>;
}

function caseOf(
  request: RecordedRequest,
  pairs: readonly StoredPair[],
  { policy, reading }: { readonly policy: TrafficPolicy; readonly reading: Reading },
): TrafficCase {
  const recorded = new Map<string, RecordedAttempt>();
  const unread = new Set<string>();
  for (const call of request.calls) {
    const result = ANSWERS.has(call.purpose) ? resultOf(call) : null;
    if (result === null || recorded.get(call.model)?.result === 'complete') continue;
    const { latencyMs } = call;
    recorded.set(call.model, { result, confidence: call.confidence, cost: policy.price(call) ?? call.cost, latencyMs, quality: null });
  }
  for (const pair of pairs) addPair(recorded, pair);
  for (const [model, attempt] of recorded) {
    if (attempt.result !== 'complete' || !reading.weighs(model)) continue;
    const pair = pairs.find(({ small }) => small === model);
    if (pair !== undefined && reading.ofPair !== null) recorded.set(model, { ...attempt, confidence: reading.ofPair(pair) });
    else if (request.closing.at < reading.sameScaleFrom) {
      unread.add(model);
      recorded.delete(model);
    }
  }
  const polish = request.calls.find(({ purpose, outcome }) => purpose === 'polish' && outcome === 'accepted');
  const { cost, latencyMs } = polish ?? {};
  return {
    id: request.requestId,
    recorded,
    unread,
    skip: pairs.some(({ skip }) => skip),
    ...(polish === undefined
      ? {}
      : { polished: { result: 'complete', confidence: null, cost: cost ?? null, latencyMs: latencyMs ?? null, quality: null } as const }),
  };
}

/** What a pair says of both models: their qualities, and their answers where the rows of the calls were pruned. */
function addPair(recorded: Map<string, RecordedAttempt>, pair: StoredPair): void {
  const sides = [
    [pair.small, pair.smallQuality, pair.smallCost, pair.smallLatencyMs, pair.confidence],
    [pair.big, pair.bigQuality, pair.bigCost, pair.bigLatencyMs, null],
  ] as const;
  for (const [model, quality, cost, latencyMs, confidence] of sides) {
    const known = recorded.get(model);
    if (known === undefined) recorded.set(model, { result: 'complete', confidence, cost, latencyMs, quality });
    else recorded.set(model, { ...known, quality });
  }
}

/** How a recorded call ended, as the policy sees it; null where nobody waited for its end. */
function resultOf({ outcome, error, stop }: Call): AttemptResult | null {
  switch (outcome) {
    case 'accepted':
    case 'observed':
      return stop === 'length' ? 'truncated' : 'complete';
    case 'escalated':
      if (error !== null) return 'failed';
      return stop === 'length' ? 'truncated' : 'complete';
    case 'aborted':
      return null;
    default:
      return outcome;
  }
}

function retainedOf(pairs: readonly StoredPair[], { certificate, isLive, ladder }: TrafficPolicy, level: number): RetainedEstimate | null {
  if (certificate === null || !isLive || certificate.big !== ladder.at(-1)?.name) return null;
  const ours = pairs.filter(({ small, big }) => small === certificate.small && big === certificate.big);
  const uniform = ours.filter(({ drawn }) => drawn === 'uniform');
  // One kind of draw: a request may be in both streams, and then its weights would count it twice.
  const used = uniform.length > 0 ? uniform : ours.filter(({ drawn }) => drawn === 'audit');
  const read = certificateConfidence(certificate);
  const rows = used.map(
    (pair): AuditedRow => ({
      accepted: acceptsPair(certificate, { confidence: read(pair), skip: pair.skip }),
      small: pair.smallQuality,
      big: pair.bigQuality,
      inclusion: pair.inclusion,
    }),
  );
  return retainedEstimate(rows.filter(isAuditedRow), level);
}
