import { isAskedElse } from '../config/index.ts';
import { contentHash, type EpochMs, type Pair } from '../core/index.ts';
import type { Feedback, StoredPair } from '../store/index.ts';
import { isKept, leastInclusion, partOf } from './evidence-draws.ts';
import { type LabelledPart, type Scoring, withLabels } from './evidence-labels.ts';

/** Why a pair is no evidence, or only for fitting. */
export type LeftOutReason =
  | 'duplicate'
  | 'other-prompt'
  | 'other-model'
  | 'before-training-ended'
  | 'trained-on'
  | 'before-alarm'
  | 'seen-by-another-method'
  | 'thinned'
  | 'conversation-elsewhere';

/** What pairs must be to count now. */
export interface EvidenceScope {
  readonly scoring: Scoring;
  /** The small model was trained on what came before: its answers to that say nothing about new requests. */
  readonly trainedUntil: EpochMs | null;
  /** Whether the small model was trained on a request, or on one that is next to the same, whatever its time; nothing unless told. */
  readonly isTrainedOn?: (pair: StoredPair) => boolean;
  /** After an alarm only what came later counts. */
  readonly since: EpochMs | null;
  /** Pairs until then were already weighed by a method that shares no error with this one: they may be fitted on, not certified. */
  readonly certifyAfter?: EpochMs | null;
  /** For a method that may look at any time: what is fitted is frozen at its first look. Rows and labels of later are not fitted on. */
  readonly fitUntil?: EpochMs | null;
  /** What the config pins of the two models: pairs of another one, whose answers said no version, are set aside. */
  readonly pins?: Readonly<Record<string, string>>;
  /** How uploaded pairs were drawn, as whoever uploaded them declares; unless told, chosen by hand: then they are only fitted on. */
  readonly uploads?: 'uniform' | 'chosen';
}

/** Evidence in three disjoint parts, oldest first each, with counts of what was left out. */
export interface LifeEvidence {
  readonly fit: readonly StoredPair[];
  readonly certify: readonly StoredPair[];
  readonly report: readonly StoredPair[];
  readonly leftOut: Readonly<Record<LeftOutReason, number>>;
  readonly labels: { readonly joined: number; readonly unusable: number };
  /** What the pairs that count have in common; null where none says. */
  readonly prompt: string | null;
  readonly servedSmall: string | null;
  readonly servedBig: string | null;
}

/**
 * Turns recorded pairs of one candidate and its ceiling into evidence: labels joined, other prompts and model versions set aside,
 * duplicates removed, audits thinned to a uniform share, and the rest dealt to the three parts by the hash of its conversation or
 * request. CERTIFY and REPORT hold uniform draws only; feedback, active labels and hand-picked uploads are fitted on. Deterministic.
 */
export function gatherLifeEvidence(pairs: readonly StoredPair[], feedback: readonly Feedback[], scope: EvidenceScope): LifeEvidence {
  const leftOut = noneLeftOut();
  const sorted = [...pairs].sort(oldestFirst);
  const recent = sorted.filter((pair) => {
    const reason = tooOld(pair, scope) ?? askedElse(pair, scope) ?? (scope.isTrainedOn?.(pair) ? 'trained-on' : null);
    if (reason !== null) leftOut[reason] += 1;
    return reason === null;
  });
  const now = prevailing(recent);
  const current = recent.filter((pair) => {
    const reason = strange(pair, now);
    if (reason !== null) leftOut[reason] += 1;
    return reason === null;
  });
  const split = dealt(current, leftOut, scope);
  // Labels last: what a pair counts as must not depend on what it turned out to be worth.
  const label = (rows: readonly StoredPair[], said: readonly Feedback[], part: LabelledPart) => withLabels(rows, said, scope.scoring, part);
  const { fitUntil = null } = scope;
  const fit = label(split.fit, fitUntil === null ? feedback : feedback.filter(({ at }) => at <= fitUntil), 'fit');
  const certify = label(split.certify, feedback, 'held-out');
  const report = label(split.report, feedback, 'held-out');
  const sum = (count: 'labelled' | 'unusable') => fit[count] + certify[count] + report[count];
  return {
    fit: fit.pairs,
    certify: certify.pairs,
    report: report.pairs,
    leftOut,
    labels: { joined: sum('labelled'), unusable: sum('unusable') },
    ...now,
  };
}

/** A stored pair as `certify` takes it, with the confidence that is given for it. */
export function asPair(pair: StoredPair, confidence: number | null): Pair {
  return {
    id: pair.id,
    small: {
      quality: pair.smallQuality,
      ...(confidence === null ? {} : { confidence }),
      ...(pair.smallCost === null ? {} : { cost: pair.smallCost }),
      ...(pair.smallLatencyMs === null ? {} : { latencyMs: pair.smallLatencyMs }),
    },
    big: {
      quality: pair.bigQuality,
      ...(pair.bigCost === null ? {} : { cost: pair.bigCost }),
      ...(pair.bigLatencyMs === null ? {} : { latencyMs: pair.bigLatencyMs }),
    },
    ...(pair.cluster === null ? {} : { cluster: pair.cluster }),
    ...(pair.skip ? { skip: true } : {}),
  };
}

function noneLeftOut(): Record<LeftOutReason, number> {
  return {
    duplicate: 0,
    'other-prompt': 0,
    'other-model': 0,
    'before-training-ended': 0,
    'trained-on': 0,
    'before-alarm': 0,
    'seen-by-another-method': 0,
    thinned: 0,
    'conversation-elsewhere': 0,
  };
}

function tooOld(pair: StoredPair, { trainedUntil, since }: EvidenceScope): LeftOutReason | null {
  if (since !== null && pair.at <= since) return 'before-alarm';
  return trainedUntil !== null && pair.at <= trainedUntil ? 'before-training-ended' : null;
}

function askedElse({ servedSmall, servedBig }: StoredPair, { pins }: EvidenceScope): LeftOutReason | null {
  return isAskedElse(servedSmall, pins?.small) || isAskedElse(servedBig, pins?.big) ? 'other-model' : null;
}

type Common = Pick<LifeEvidence, 'prompt' | 'servedSmall' | 'servedBig'>;

/** So many of the newest pairs say what is current: one late straggler of an old prompt must not throw the new one out. */
const NEWEST = 99;

/** The prompt and the model versions that most of the newest pairs have. */
function prevailing(pairs: readonly StoredPair[]): Common {
  return {
    prompt: commonest(pairs.map(({ prompt }) => prompt)),
    servedSmall: commonest(pairs.map(({ servedSmall }) => servedSmall)),
    servedBig: commonest(pairs.map(({ servedBig }) => servedBig)),
  };
}

function commonest(values: readonly (string | null)[]): string | null {
  const counts = new Map<string, number>();
  for (const value of values.filter((each) => each !== null).slice(-NEWEST)) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best: string | null = null;
  // The later of two that are equally common is the newer one.
  for (const [value, count] of counts) if (best === null || count >= counts.get(best)!) best = value;
  return best;
}

/** Why a pair is about something else. A model that never says its version cannot differ. */
function strange(pair: StoredPair, now: Common): LeftOutReason | null {
  if (pair.prompt !== now.prompt) return 'other-prompt';
  const differs = (served: string | null, current: string | null) => served !== null && served !== current;
  return differs(pair.servedSmall, now.servedSmall) || differs(pair.servedBig, now.servedBig) ? 'other-model' : null;
}

/** Which pairs were drawn so that they may certify: uniformly, as declared, or as audits that thinning keeps. */
function fairDraws(pairs: readonly StoredPair[], scope: EvidenceScope): ReadonlySet<StoredPair> {
  const least = leastByCertificate(pairs);
  const isFair = (pair: StoredPair): boolean => {
    if (pair.drawn === 'upload') return scope.uploads === 'uniform';
    if (pair.drawn === 'audit') return isKept(auditOf(pair), least.get(pair.certificate)!);
    return pair.drawn === 'uniform';
  };
  return new Set(pairs.filter(isFair));
}

/** π_min of each certificate's stream of audits: while one is in force it is fixed, and another one may have another. */
function leastByCertificate(pairs: readonly StoredPair[]): ReadonlyMap<string | null, number> {
  const streams = new Map<string | null, StoredPair[]>();
  for (const pair of pairs) {
    if (pair.drawn !== 'audit') continue;
    const stream = streams.get(pair.certificate);
    if (stream === undefined) streams.set(pair.certificate, [pair]);
    else stream.push(pair);
  }
  return new Map([...streams].map(([certificate, rows]) => [certificate, leastInclusion(rows.map(auditOf))]));
}

function auditOf(pair: StoredPair) {
  return { id: pair.requestId ?? pair.id, inclusion: pair.inclusion };
}

/**
 * Pairs without repeats of a request or of an input. Fair draws go first: an input that drew a complaint must not leave the evidence,
 * and hard requests with it, because the complaint is there too.
 */
function distinct(
  pairs: readonly StoredPair[],
  fair: ReadonlySet<StoredPair>,
  leftOut: Record<LeftOutReason, number>,
): readonly StoredPair[] {
  const seen = new Set<string>();
  const kept: StoredPair[] = [];
  const keep = (pair: StoredPair): void => {
    const keys = keysOf(pair);
    if (keys.some((key) => seen.has(key))) leftOut.duplicate += 1;
    else {
      for (const key of keys) seen.add(key);
      kept.push(pair);
    }
  };
  for (const pair of pairs) if (fair.has(pair)) keep(pair);
  for (const pair of pairs) if (!fair.has(pair)) keep(pair);
  return kept;
}

function keysOf(pair: StoredPair): readonly string[] {
  const keys = [`request ${pair.requestId ?? pair.id}`];
  if (pair.input !== null) keys.push(`input ${contentHash(pair.input)}`);
  return keys;
}

function unitOf(pair: StoredPair): string {
  return pair.cluster === null ? `request ${pair.requestId ?? pair.id}` : `cluster ${pair.cluster}`;
}

interface Parts {
  readonly fit: readonly StoredPair[];
  readonly certify: readonly StoredPair[];
  readonly report: readonly StoredPair[];
}

/** Fair draws by the hash of their unit; all others to FIT, where neither their class mix nor their selection does harm. */
function dealt(current: readonly StoredPair[], leftOut: Record<LeftOutReason, number>, scope: EvidenceScope): Parts {
  const { fitUntil = null, certifyAfter = null } = scope;
  const fair = fairDraws(current, scope);
  const parts: Record<keyof Parts, StoredPair[]> = { fit: [], certify: [], report: [] };
  const held = new Set<string>();
  for (const pair of distinct(current, fair, leftOut)) {
    const unit = unitOf(pair);
    const part = partOf(unit);
    if (!fair.has(pair)) {
      // An audit that thinning dropped stays on its side of the split; what people chose has no side but FIT.
      if (pair.drawn === 'audit' && part !== 'fit') leftOut.thinned += 1;
      else if (held.has(unit)) leftOut['conversation-elsewhere'] += 1;
      else parts.fit.push(pair);
    } else if (part === 'fit') parts.fit.push(pair);
    else if (certifyAfter !== null && pair.at <= certifyAfter) leftOut['seen-by-another-method'] += 1;
    else {
      parts[part].push(pair);
      held.add(unit);
    }
  }
  return { ...parts, fit: parts.fit.filter(({ at }) => fitUntil === null || at <= fitUntil).sort(oldestFirst) };
}

function oldestFirst(a: StoredPair, b: StoredPair): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1);
}
