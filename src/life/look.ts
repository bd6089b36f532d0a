import { type CertifyResult, certify } from '../certify/index.ts';
import type { LockedCertificate, TaskConfig } from '../config/index.ts';
import { type CertifyMethod, contentHash, type EpochMs, type Json } from '../core/index.ts';
import { defaultMetric, parseMetric } from '../metrics/index.ts';
import type { Feedback, Look, StoredPair } from '../store/index.ts';
import { gateJson } from '../triage/index.ts';
import { asPair, type EvidenceScope, gatherLifeEvidence, type LifeEvidence } from './evidence.ts';
import { PART_SHARES } from './evidence-draws.ts';
import type { Scoring } from './evidence-labels.ts';
import { confidenceReader, type FrozenConfidence, freezeConfidence } from './look-confidence.ts';
import { looksThatSaw, nextNumber, nextSize, sharesError } from './look-schedule.ts';

/** Everything that a look is decided from. */
export interface LookQuestion {
  readonly task: Pick<TaskConfig, 'name' | 'output' | 'floor' | 'signal' | 'metricSpec'>;
  readonly small: string;
  readonly big: string;
  /** How many candidates of the task are weighed side by side. The e-value gives each the same part of the error; 1 unless told. */
  readonly candidates?: number;
  readonly pairs: readonly StoredPair[];
  readonly feedback: readonly Feedback[];
  /** Every look of the task so far, at whatever candidate. */
  readonly looks: readonly Look[];
  /** What the certificate will pin beside what the pairs themselves say. */
  readonly pins: Readonly<Record<string, string>>;
  readonly trainedUntil: EpochMs | null;
  /** The last alarm or rollback; null where there was none. */
  readonly since: EpochMs | null;
  readonly method: CertifyMethod;
  /** The schedule looks only when enough pairs are there; everybody else looks at once. */
  readonly by: Look['by'];
  readonly now: EpochMs;
  readonly newId: () => string;
  /** Whether a gate classifier may be used: only where the gateway can run one. */
  readonly gate?: boolean;
  readonly uploads?: EvidenceScope['uploads'];
  readonly isTrainedOn?: EvidenceScope['isTrainedOn'];
}

/** Where the evidence of a candidate stands. */
export interface LookPlan {
  readonly evidence: LifeEvidence;
  readonly series: string;
  /** Number of the next look, and the share of the error that it spends. */
  readonly k: number;
  /** Pairs that it would certify on, and how many the schedule waits for. */
  readonly n: number;
  readonly size: number;
  readonly isDue: boolean;
}

/** What a look found. */
export interface LookResult {
  readonly look: Look;
  /** To be proposed to a person; null where the frontier stays. */
  readonly certificate: LockedCertificate | null;
  readonly confidence: FrozenConfidence;
  readonly result: CertifyResult;
  readonly plan: LookPlan;
  /** About how many more pairs of traffic a pass would take; null when it passed, or when more cannot help. */
  readonly needed: number | null;
  readonly notes: readonly string[];
}

/** How long evidence is trusted. */
const VALID_MS = 30 * 86_400_000;

/** One look, when one is due; null when not. Pure but for the ids that it is given. */
export function nextLook(question: LookQuestion): LookResult | null {
  const plan = planLook(question);
  return plan.isDue ? takeLook(question, plan) : null;
}

/** Gathers the evidence of a candidate and says which look comes next, without looking at any quality. */
export function planLook(question: LookQuestion): LookPlan {
  const { method, looks, small, big } = question;
  const scope = scopeOf(question);
  const first = gatherLifeEvidence(question.pairs, question.feedback, scope);
  const series = seriesOf(question, first);
  const others = looks.filter((look) => isApart(look, question, series));
  const certifyAfter = newest(others);
  const fitUntil = method === 'evalue' ? oldest(looks.filter((look) => look.series === series)) : null;
  const again = certifyAfter !== null || fitUntil !== null;
  const evidence = again ? gatherLifeEvidence(question.pairs, question.feedback, { ...scope, certifyAfter, fitUntil }) : first;
  const saw = looksThatSaw(
    looks.filter((look) => sharesError(look.method, method)),
    evidence.certify[0]?.at ?? null,
  );
  const size = nextSize(
    saw.filter((look) => look.small === small && look.big === big),
    method,
  );
  const n = evidence.certify.length;
  // A swap of every answer is all that can be won: the schedule stops there, and what is left of the error is kept for people.
  const isSettled = saw.some((look) => look.series === series && look.verdict === 'swap');
  return { evidence, series, k: nextNumber(saw), n, size, isDue: n > 0 && (question.by !== 'schedule' || (n >= size && !isSettled)) };
}

/** Looks: freezes the confidence on FIT, then certifies once on CERTIFY with the share of the error that the plan's number has. */
export function takeLook(question: LookQuestion, plan: LookPlan): LookResult {
  const { task, method } = question;
  const frozen = freezeConfidence(plan.evidence.fit, { only: task.signal, gate: question.gate ?? false });
  const confidence = confidenceReader(frozen);
  const pairs = plan.evidence.certify.map((pair) => asPair(pair, confidence(pair)));
  const result = certify(pairs, {
    floor: task.floor.retain,
    level: method === 'evalue' ? 1 - (1 - task.floor.level) / (question.candidates ?? 1) : task.floor.level,
    method,
    look: plan.k,
    ...(frozen.grid === null ? {} : { grid: frozen.grid }),
  });
  const certificate = result.verdict === 'frontier' ? null : certificateOf(question, plan, { frozen, result });
  const look: Look = {
    id: question.newId(),
    task: task.name,
    small: question.small,
    big: question.big,
    series: plan.series,
    k: plan.k,
    n: plan.n,
    delta: result.delta,
    at: question.now,
    by: question.by,
    // As asked for: what a look spends is decided by that, also where the e-value stood in.
    method,
    verdict: result.reason === 'not-enough-evidence' ? 'not-enough' : result.verdict,
    retained: result.retained,
    lowerBound: result.retainedLowerBound,
    certificate: certificate?.id ?? null,
  };
  const needed = result.pairsNeeded === null ? null : Math.ceil(result.pairsNeeded / PART_SHARES.certify);
  return { look, certificate, confidence: frozen, result, plan, needed, notes: notesOf(plan, frozen, result) };
}

function scopeOf(question: LookQuestion): EvidenceScope {
  const { trainedUntil, since, uploads, pins, isTrainedOn } = question;
  return {
    scoring: scoringOf(question.task),
    trainedUntil,
    since,
    pins,
    ...(uploads === undefined ? {} : { uploads }),
    ...(isTrainedOn && { isTrainedOn }),
  };
}

/** How a task's answers are scored against a label: by its metric; null where only a judge can. */
function scoringOf({ output, metricSpec }: LookQuestion['task']): Scoring {
  if (metricSpec !== null) return { output, metric: parseMetric(metricSpec) };
  return { output, metric: output.kind === 'text' ? null : parseMetric(defaultMetric(output)) };
}

/** What makes evidence one kind. The hash of it names the series. */
function seriesOf(question: LookQuestion, { prompt, servedSmall, servedBig }: LifeEvidence): string {
  const { task, small, big, method, pins, since, trainedUntil } = question;
  return contentHash({ task: task.name, small, big, method, prompt, servedSmall, servedBig, pins, since, trainedUntil });
}

/** Looks whose error this one cannot share: by the other kind of method; and, for bets, on a frozen choice that is no longer this one. */
function isApart(look: Look, { method, small, big }: LookQuestion, series: string): boolean {
  if (!sharesError(look.method, method)) return true;
  return method === 'evalue' && look.small === small && look.big === big && look.series !== series;
}

function newest(looks: readonly Look[]): EpochMs | null {
  return looks.length === 0 ? null : Math.max(...looks.map(({ at }) => at));
}

function oldest(looks: readonly Look[]): EpochMs | null {
  return looks.length === 0 ? null : Math.min(...looks.map(({ at }) => at));
}

function certificateOf(
  question: LookQuestion,
  plan: LookPlan,
  found: { readonly frozen: FrozenConfidence; readonly result: CertifyResult },
): LockedCertificate {
  const { task, small, big, now, pins } = question;
  const { result, frozen } = found;
  const { prompt, servedSmall, servedBig, certify: pairs } = plan.evidence;
  return {
    id: question.newId(),
    task: task.name,
    small,
    big,
    verdict: result.verdict,
    threshold: result.threshold,
    signal: frozen.signal,
    calibrator: frozen.calibrator,
    gate: null,
    ...(frozen.gate === null ? {} : { classifier: gateJson(frozen.gate) }),
    method: result.method,
    floor: task.floor,
    look: plan.k,
    delta: result.delta,
    pairs: result.pairs,
    accepted: result.accepted,
    retained: result.retained ?? 0,
    retainedLowerBound: result.retainedLowerBound ?? 0,
    counts: result.counts,
    evidenceHash: contentHash(pairs as unknown as Json),
    pins: {
      ...pins,
      ...(prompt === null ? {} : { template: prompt }),
      ...(servedSmall === null ? {} : { 'small.served': servedSmall }),
      ...(servedBig === null ? {} : { 'big.served': servedBig }),
    },
    issuedAt: now,
    expiresAt: now + VALID_MS,
  };
}

function notesOf({ evidence }: LookPlan, frozen: FrozenConfidence, result: CertifyResult): readonly string[] {
  const notes = [...result.notes];
  const left = Object.entries(evidence.leftOut).filter(([, count]) => count > 0);
  if (left.length > 0) notes.push(`Left out: ${left.map(([reason, count]) => `${count} ${reason}`).join(', ')}.`);
  if (evidence.labels.joined > 0)
    notes.push(`${evidence.labels.joined} pairs are scored against a label, the others as they were recorded.`);
  if (evidence.labels.unusable > 0) notes.push(`${evidence.labels.unusable} labels are no answer of this task, or outputs were not kept.`);
  if (frozen.calibrator === null) notes.push('No signal tells right from wrong on FIT: only a swap of every answer was tested.');
  if (frozen.gateTrial !== null) {
    const { gate, signal, used } = frozen.gateTrial;
    notes.push(`Gate classifier ${gate.toFixed(3)} against ${signal.toFixed(3)} AUROC for harm: ${used ? 'used' : 'not used'}.`);
  }
  return notes;
}
