import type { Certificate, EpochMs, Json } from '../core/index.ts';
import type { TaskEvent, TaskEventKind } from '../store/types.ts';
import { readStage } from './live-monitor-events.ts';
import type { GoldenRecord, KnownVersion, Lineage, VersionQuestion, VersionRecord, VersionStage } from './version-types.ts';

/** What ends a version's time at a task. */
const ENDING: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>(['alarm', 'rollback', 'reverted', 'voided']);
/** What tells that a version got the task. */
const BEGINNING: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>(['approved', 'promoted', 'stage']);

/**
 * Every version of a task's models and what became of it, folded from the record: oldest training first, those of which nobody knows
 * that last. What the config no longer names is told from what was recorded of it. Pure.
 */
export function versionHistory(question: VersionQuestion): readonly VersionRecord[] {
  const known = new Map(question.known.map((version) => [version.model, version]));
  for (const event of question.events) {
    const model = modelOf(event, question);
    if (model === null || model === question.big) continue;
    const before = known.get(model);
    const told = event.kind === 'candidate' ? lineageOf(event.detail) : null;
    if (before === undefined) known.set(model, { model, lineage: told ?? UNKNOWN, isOnLadder: false });
    else if (!before.isOnLadder && before.lineage.hash === null && told !== null) known.set(model, { ...before, lineage: told });
  }
  const end = (at: EpochMs | null): number => at ?? Number.POSITIVE_INFINITY;
  return [...known.values()]
    .map((version) => recordOf(version, question))
    .sort((a, b) => end(a.lineage.trainedAt) - end(b.lineage.trainedAt) || (a.model < b.model ? -1 : 1));
}

const UNKNOWN: Lineage = {
  kind: 'model',
  hash: null,
  dataset: null,
  rows: null,
  until: null,
  trainedAt: null,
  job: null,
  prune: null,
};

/** The model that an event is about: the small one of its certificate, or the one that it names. */
function modelOf({ certificate, detail, kind }: TaskEvent, { certificates, locked }: VersionQuestion): string | null {
  const named = members(detail).model;
  if (VERSION_KINDS.has(kind) && typeof named === 'string') return named;
  if (certificate === null) return null;
  if (locked?.id === certificate) return locked.small;
  return certificates.find((each) => each.certificate.id === certificate)?.certificate.small ?? null;
}

const VERSION_KINDS: ReadonlySet<TaskEventKind> = new Set<TaskEventKind>(['candidate', 'golden', 'promoted', 'reverted', 'retired']);

function recordOf(version: KnownVersion, question: VersionQuestion): VersionRecord {
  const { model } = version;
  const { task, locked, certificates, pairs, lastCalls } = question;
  const steps = question.events.filter((event) => modelOf(event, question) === model);
  const own = certificates.filter(({ certificate }) => certificate.small === model);
  const certificate: Certificate | null = locked?.small === model ? locked : (own[0]?.certificate ?? null);
  const voided = own.find((each) => each.certificate.id === certificate?.id)?.voided?.reason ?? null;
  const begun = steps.filter(({ kind }) => BEGINNING.has(kind));
  const ended = steps.findLast(({ kind, at }) => ENDING.has(kind) && at >= (begun.at(-1)?.at ?? 0)) ?? successor(begun, model, question);
  const parts = { version, steps, certificate, voided, begun, ended };
  const place = stageOf(parts, question);
  return {
    ...version,
    task,
    ...place,
    exposure: place.stage === 'live' ? 1 : place.stage === 'canary' ? exposureOf(steps, certificate) : 0,
    golden: goldenOf(steps),
    certificate,
    voided,
    promotedAt: begun[0]?.at ?? null,
    endedAt: ended?.at ?? null,
    endedBecause: ended?.reason ?? null,
    retiredAt: retirement(steps)?.at ?? null,
    pairs: pairs.get(model) ?? 0,
    lastCallAt: lastCalls.get(model) ?? null,
    steps,
  };
}

/** The event by which another version got the task after this one had it. */
function successor(begun: readonly TaskEvent[], model: string, question: VersionQuestion): TaskEvent | undefined {
  const last = begun.at(-1);
  if (last === undefined || question.locked?.small === model) return undefined;
  return question.events.find((event) => {
    const other = BEGINNING.has(event.kind) && event.at >= last.at ? modelOf(event, question) : null;
    return other !== null && other !== model;
  });
}

interface Told {
  readonly version: KnownVersion;
  readonly steps: readonly TaskEvent[];
  readonly certificate: Certificate | null;
  readonly voided: string | null;
  readonly begun: readonly TaskEvent[];
  readonly ended: TaskEvent | undefined;
}

type Place = Pick<VersionRecord, 'stage' | 'since' | 'reason'>;

function stageOf(told: Told, question: VersionQuestion): Place {
  const { steps, version } = told;
  const retired = retirement(steps);
  if (retired !== null) return placed('retired', retired);
  const { locked } = question;
  if (locked?.small === version.model && locked.verdict !== 'frontier') return inForce(told, question);
  if (told.begun.length > 0) return afterwards(told);
  return before(told, question);
}

/** The lock holds its certificate. */
function inForce({ certificate, voided, steps, begun }: Told, { now, isLive }: VersionQuestion): Place {
  const own = steps.filter((event) => event.certificate === certificate?.id);
  const turn = own.findLast(({ kind }) => ENDING.has(kind) || kind === 'recovered' || kind === 'promoted');
  if (turn !== undefined && ENDING.has(turn.kind)) return placed(turn.kind === 'voided' ? 'void' : 'rolled-back', turn);
  if (voided !== null) return { stage: 'void', since: null, reason: voided };
  if (certificate !== null && certificate.expiresAt <= now)
    return { stage: 'void', since: certificate.expiresAt, reason: 'Its certificate expired.' };
  if (!isLive) return { stage: 'certified', since: certificate?.issuedAt ?? null, reason: 'The task is not live: its certificate waits.' };
  const stage = own.findLast(({ kind }) => kind === 'stage');
  const last = stage ?? begun.at(-1);
  if (last === undefined) return { stage: 'canary', since: certificate?.issuedAt ?? null, reason: 'The lock file holds its certificate.' };
  return placed(stage !== undefined && isComplete(stage) ? 'live' : 'canary', last);
}

/** It had the task once. */
function afterwards({ ended, voided, certificate, begun }: Told): Place {
  if (ended !== undefined && ENDING.has(ended.kind)) return placed(ended.kind === 'voided' ? 'void' : 'rolled-back', ended);
  if (voided !== null) return { stage: 'void', since: ended?.at ?? null, reason: voided };
  if (ended !== undefined) return { stage: 'superseded', since: ended.at, reason: `Another version took over: ${ended.reason}` };
  return {
    stage: 'superseded',
    since: begun.at(-1)?.at ?? certificate?.issuedAt ?? null,
    reason: 'The lock file holds its certificate no more.',
  };
}

/** It never had the task. */
function before({ version, steps, certificate, voided }: Told, { now, pairs }: VersionQuestion): Place {
  if (certificate !== null && certificate.verdict !== 'frontier' && voided === null && certificate.expiresAt > now) {
    const proposed = steps.findLast(({ kind }) => kind === 'proposed');
    const ended = steps.findLast((event) => ENDING.has(event.kind) && event.certificate === certificate.id);
    if (ended === undefined) {
      return { stage: 'certified', since: certificate.issuedAt, reason: proposed?.reason ?? 'Its certificate waits to be promoted.' };
    }
  }
  const golden = steps.findLast(({ kind }) => kind === 'golden');
  if (golden !== undefined && goldenOf([golden])?.alarm === 'regression') return placed('refused', golden);
  const entered = golden ?? steps.findLast(({ kind }) => kind === 'candidate');
  const count = pairs.get(version.model) ?? 0;
  if (entered === undefined && count === 0) {
    return { stage: 'trained', since: version.lineage.trainedAt, reason: 'Nothing was asked of it yet.' };
  }
  return { stage: 'shadow', since: entered?.at ?? null, reason: `${count} pairs of it are on record.` };
}

/** The end for good, unless it was entered again afterwards. */
function retirement(steps: readonly TaskEvent[]): TaskEvent | null {
  const last = steps.findLast(({ kind }) => kind === 'retired' || kind === 'candidate');
  return last?.kind === 'retired' ? last : null;
}

function placed(stage: VersionStage, event: TaskEvent): Place {
  return { stage, since: event.at, reason: event.reason };
}

function isComplete({ detail }: TaskEvent): boolean {
  const { exposure } = members(detail);
  return readStage(detail)?.complete === true || exposure === 1;
}

function exposureOf(steps: readonly TaskEvent[], certificate: Certificate | null): number {
  const stage = steps.findLast(({ kind, certificate: of }) => kind === 'stage' && of === certificate?.id);
  const exposure = stage === undefined ? null : members(stage.detail).exposure;
  return typeof exposure === 'number' ? exposure : 0;
}

function goldenOf(steps: readonly TaskEvent[]): GoldenRecord | null {
  const event = steps.findLast(({ kind }) => kind === 'golden');
  if (event === undefined) return null;
  const { alarm, n, quality, trusted, trustedQuality } = members(event.detail);
  if (typeof n !== 'number' || typeof trusted !== 'string') return null;
  return {
    at: event.at,
    alarm: alarm === 'regression' ? 'regression' : 'none',
    n,
    quality: typeof quality === 'number' ? quality : null,
    trusted,
    trustedQuality: typeof trustedQuality === 'number' ? trustedQuality : null,
  };
}

/** The lineage that a `candidate` event holds, for a version whose files are gone. */
function lineageOf(detail: Json): Lineage | null {
  const { lineage } = members(detail);
  const told = members(lineage ?? null);
  const { kind } = told;
  if (kind !== 'student' && kind !== 'fine-tuned' && kind !== 'model') return null;
  const text = (name: string): string | null => (typeof told[name] === 'string' ? (told[name] as string) : null);
  const count = (name: string): number | null => (typeof told[name] === 'number' ? (told[name] as number) : null);
  return {
    kind,
    hash: text('hash'),
    dataset: text('dataset'),
    rows: count('rows'),
    until: count('until'),
    trainedAt: count('trainedAt'),
    job: text('job'),
    prune: text('prune'),
  };
}

function members(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, Json>>) : {};
}
