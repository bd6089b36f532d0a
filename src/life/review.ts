import type { LockedCertificate } from '../config/index.ts';
import type { EpochMs, Json } from '../core/index.ts';
import { type AuditedRow, isAuditedRow, type RetainedEstimate, retainedEstimate } from '../monitor/index.ts';
import { changedPins } from '../policy/index.ts';
import type { Look, TaskEvent, TaskEventKind } from '../store/types.ts';
import { acceptsPair } from './live-monitor-evidence.ts';
import { monthlyMoney } from './review-money.ts';
import type { Proposal, ReviewQuestion, ReviewVerdict, TaskReview } from './review-types.ts';

const DAY_MS = 86_400_000;
/** A certificate is certified anew when it is older than this, or ends within `ENDING_MS`. */
const OLD_MS = 21 * DAY_MS;
const ENDING_MS = 9 * DAY_MS;
/** A look that found nothing is not taken again sooner: each spends of the error. */
const LOOK_AGAIN_MS = 7 * DAY_MS;
/** A share of traffic that differs by less is the same one, found in another sample. */
const SAME_SHARE = 0.01;

const INCIDENTS: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>([
  'alarm',
  'provisional',
  'rollback',
  'voided',
  'covariate',
  'recovered',
  'shadow-budget',
  'deprecation',
  'drift',
  'reverted',
]);

/** Decides what becomes of a task's certificate. Pure. */
export function reviewTask(question: ReviewQuestion): TaskReview {
  const { name, task, locked, evidence, now } = question;
  const { verdict, reason, after, look } = decide(question);
  const since = locked?.issuedAt ?? now - 30 * DAY_MS;
  return {
    task: name,
    mode: task?.mode ?? null,
    verdict,
    reason,
    before: locked,
    after,
    look,
    evidence,
    money: monthlyMoney(question, locked, after),
    live: locked === null ? null : liveEstimate(question, locked),
    incidents: question.events.filter(({ kind, at }) => INCIDENTS.has(kind) && at >= since),
  };
}

/** Whether a review should certify anew: a certificate that is void, old or ending, nothing proposed, and no recent look. */
export function isLookDue(question: ReviewQuestion): boolean {
  const { locked, looks, now, task, evidence } = question;
  if (task === null || task.mode === 'observe' || locked === null || !evidence.some(({ n }) => n > 0)) return false;
  if (pending(question).length > 0 || looks.some(({ at }) => now - at < LOOK_AGAIN_MS)) return false;
  return now - locked.issuedAt >= OLD_MS || locked.expiresAt - now <= ENDING_MS || whyVoid(question, locked) !== null;
}

/** Proposals that may still be approved, newest first: of this ladder and these pins, after the last alarm and the certificate in the lock. */
export function pending(question: ReviewQuestion): readonly Proposal[] {
  const { proposals, locked } = question;
  const turn = question.events.filter(({ kind }) => kind === 'alarm' || kind === 'rollback').at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return proposals
    .filter(({ at, certificate }) => {
      if (at <= turn || certificate.id === locked?.id || (locked !== null && at <= locked.issuedAt)) return false;
      if (isBarred(certificate.small, question.events)) return false;
      return whyVoid(question, certificate) === null;
    })
    .sort((a, b) => b.at - a.at);
}

/** Whether a version was retired, or was worse on the golden set when it was asked last: then nobody proposes it. */
function isBarred(model: string, events: readonly TaskEvent[]): boolean {
  const last = events.findLast(({ kind, detail }) => BARRING.has(kind) && readModel(detail).model === model);
  return last?.kind === 'retired' || (last?.kind === 'golden' && readModel(last.detail).alarm === 'regression');
}

const BARRING: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>(['candidate', 'golden', 'retired']);

function readModel(detail: Json): { readonly model?: unknown; readonly alarm?: unknown } {
  return typeof detail === 'object' && detail !== null ? (detail as { readonly model?: unknown; readonly alarm?: unknown }) : {};
}

type Decision = Pick<TaskReview, 'verdict' | 'reason' | 'after' | 'look'>;

function decide(question: ReviewQuestion): Decision {
  const { locked } = question;
  const flaw = locked === null ? null : whyVoid(question, locked);
  const proposal = question.task === null ? undefined : best(question);
  if (proposal !== undefined) {
    const verdict = locked === null ? 'new' : comparedWith(locked, proposal.certificate);
    const why = flaw === null ? '' : ` The one in the lock file is void: ${flaw}`;
    return { verdict, reason: `${promiseOf(proposal.certificate)}.${why}`, after: proposal.certificate, look: proposal.look };
  }
  if (locked !== null && flaw !== null) return { verdict: 'void', reason: flaw, after: null, look: lookOf(question, locked) };
  if (locked !== null && locked.verdict !== 'frontier') return withoutProposal(question, locked);
  return withoutCertificate(question, locked);
}

/** A certificate in force, and nothing proposed in its place. */
function withoutProposal(question: ReviewQuestion, locked: LockedCertificate): Decision {
  const look = newestLook(
    question.looks.filter(({ small, big }) => small === locked.small && big === locked.big),
    locked.issuedAt,
  );
  const until = new Date(locked.expiresAt).toISOString().slice(0, 10);
  if (look?.verdict === 'frontier') {
    return { verdict: 'void', reason: `Look ${look.k} at ${look.n} pairs could not certify it again.`, after: null, look };
  }
  if (look?.verdict === 'not-enough') {
    const reason = `Not enough evidence to certify it again: ${missingOf(question)}; it holds until ${until}.`;
    return { verdict: 'not-enough', reason, after: locked, look };
  }
  return { verdict: 'in-force', reason: `${promiseOf(locked)}; it holds until ${until}.`, after: locked, look: lookOf(question, locked) };
}

function withoutCertificate(question: ReviewQuestion, locked: LockedCertificate | null): Decision {
  const look = newestLook(question.looks, Number.NEGATIVE_INFINITY);
  if (look?.verdict === 'frontier' || (look === null && locked !== null)) {
    const reason = look === null ? 'The certificate says that the ceiling stays.' : `Look ${look.k} at ${look.n} pairs: the ceiling stays.`;
    return { verdict: 'frontier', reason, after: locked, look };
  }
  return { verdict: 'not-enough', reason: `Not enough evidence: ${missingOf(question)}.`, after: locked, look };
}

/** Why a certificate may not route; null when it may. One sentence. */
export function whyVoid(question: ReviewQuestion, certificate: LockedCertificate): string | null {
  const { task, events, voided, now } = question;
  const { id, small, big, expiresAt } = certificate;
  if (task === null) return 'The config has no such task.';
  if (task.ladder.at(-1) !== big) return `It was measured against ${big}, which is the ceiling no more.`;
  if (!task.ladder.includes(small)) return `${small} is not on the ladder any more.`;
  if (!(now < expiresAt)) return `It expired on ${new Date(expiresAt).toISOString().slice(0, 10)}.`;
  const current = pinsNow(question, certificate);
  const changed = changedPins(certificate.pins, current);
  if (changed.length > 0) {
    const parts = changed.map((pin) => `${pin} was ${certificate.pins[pin] ?? 'nothing'} and is ${current[pin] ?? 'nothing'}`);
    return `What it pins has changed: ${parts.join('; ')}.`;
  }
  const said = voided.get(id);
  if (said !== undefined) return said;
  const turn = events.filter(({ kind, certificate: of }) => of === id && STANDING.has(kind)).at(-1);
  return turn === undefined || CLEARING.has(turn.kind) ? null : turn.reason;
}

/** What a certificate pins, as it is now; a version that no answer told is taken to be the pinned one. */
function pinsNow({ pins, served }: ReviewQuestion, { small, big, pins: pinned }: LockedCertificate): Readonly<Record<string, string>> {
  const now: Record<string, string> = { ...pinned, ...pins.get(small) };
  for (const [pin, model] of [
    ['small.served', small],
    ['big.served', big],
  ] as const) {
    const version = served.get(model);
    if (Object.hasOwn(pinned, pin) && version !== undefined) now[pin] = version;
  }
  return now;
}

/** What tells whether a certificate still stands in traffic; the last one counts. */
const STANDING: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>([
  'alarm',
  'rollback',
  'provisional',
  'voided',
  'recovered',
  'reverted',
  'promoted',
]);
/** What ends what was said against it. */
const CLEARING: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>(['recovered', 'promoted']);

/** The newest pending proposal of each candidate; of those the one that keeps most of the traffic. */
function best(question: ReviewQuestion): Proposal | undefined {
  const newest = new Map<string, Proposal>();
  for (const proposal of pending(question)) {
    if (!newest.has(proposal.certificate.small)) newest.set(proposal.certificate.small, proposal);
  }
  const expected = (proposal: Proposal) => monthlyMoney(question, null, proposal.certificate)?.after ?? null;
  const all = [...newest.values()].map((proposal) => ({ proposal, cost: expected(proposal) }));
  // By money where it is known of all; otherwise by traffic kept.
  const isPriced = all.every(({ cost }) => cost !== null);
  all.sort((a, b) => (isPriced ? a.cost! - b.cost! : b.proposal.certificate.accepted - a.proposal.certificate.accepted));
  return all[0]?.proposal;
}

/** By the share of traffic kept: thresholds of two calibrators are not on one scale. */
function comparedWith(before: LockedCertificate, after: LockedCertificate): ReviewVerdict {
  const kept = before.verdict === 'frontier' ? 0 : before.accepted;
  if (after.accepted > kept + SAME_SHARE) return 'loosened';
  return after.accepted < kept - SAME_SHARE ? 'tightened' : 'renewed';
}

function liveEstimate({ pairs }: ReviewQuestion, certificate: LockedCertificate): RetainedEstimate | null {
  const rows = pairs
    .filter((pair) => pair.drawn === 'audit' && pair.certificate === certificate.id)
    .map(
      (pair): AuditedRow => ({
        accepted: acceptsPair(certificate, pair),
        small: pair.smallQuality,
        big: pair.bigQuality,
        inclusion: pair.inclusion,
      }),
    );
  return retainedEstimate(rows.filter(isAuditedRow), certificate.floor.level);
}

function lookOf({ looks }: ReviewQuestion, { id }: LockedCertificate): Look | null {
  return looks.find(({ certificate }) => certificate === id) ?? null;
}

function newestLook(looks: readonly Look[], after: EpochMs): Look | null {
  return looks.filter(({ at }) => at > after).at(-1) ?? null;
}

function missingOf({ evidence, task, locked }: ReviewQuestion): string {
  const some = evidence.filter(({ small }) => locked === null || small === locked.small);
  if (some.length > 0) return some.map(({ small, missing }) => `${missing} more pairs of ${small}`).join(', ');
  if (task?.mode === 'observe') return 'the task is only observed, so no candidate is asked';
  return (task?.ladder.length ?? 0) < 2 ? 'its ladder has no rung below the ceiling' : 'no pair is on record';
}

function promiseOf({ small, big, verdict, accepted, retained, retainedLowerBound }: LockedCertificate): string {
  const share = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const kept = verdict === 'swap' ? 'answers everything' : `keeps ${share(accepted)} of the answers`;
  return `${small} ${kept} in place of ${big}: ${share(retained)} of the quality, at least ${share(retainedLowerBound)}`;
}
