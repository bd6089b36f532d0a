import { type Config, formatLock, type Lock, type LockedCertificate, NO_LOCK, parseLock, withCertificate } from '../../config/index.ts';
import { type Clock, newId, SmallfirstError } from '../../core/index.ts';
import { type CandidateEvidence, type LifeTask, LookRunner, PART_SHARES, type Proposal, type ReviewQuestion } from '../../life/index.ts';
import { lifeTasks } from '../../life-worker.ts';
import type { Look, Store, TaskEvent } from '../../store/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TRAFFIC_DAYS = 30;

/** What reviews are decided from, beside the record. */
export interface ReviewWorld {
  readonly config: Config;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly note: (message: string) => void;
}

/** Reads everything that the reviews of some tasks are decided from; `store` is null where nothing was ever recorded. */
export async function gatherReviews(tasks: readonly string[], store: Store | null, world: ReviewWorld): Promise<readonly ReviewQuestion[]> {
  const life = new Map((await lifeTasks(world.config)).map((task) => [task.task.name, task]));
  const questions: ReviewQuestion[] = [];
  for (const name of tasks) questions.push(await questionOf(name, life.get(name) ?? null, store, world));
  return questions;
}

/** Takes the looks of a review, which are stored whatever they find. */
export async function takeReviewLooks(tasks: readonly string[], store: Store, world: ReviewWorld): Promise<void> {
  const looks = runnerOf(await lifeTasks(world.config), store, world);
  for (const task of tasks) await looks.run({ task, by: 'review' });
}

function runnerOf(tasks: readonly LifeTask[], store: Store, { clock, note }: ReviewWorld): LookRunner {
  return new LookRunner(tasks, { store, clock, newId, warn: note, gate: true });
}

async function questionOf(name: string, life: LifeTask | null, store: Store | null, world: ReviewWorld): Promise<ReviewQuestion> {
  const { config, lock, clock } = world;
  const now = clock.now();
  const task = config.tasks.get(name) ?? null;
  const known = {
    name,
    task,
    locked: lock.certificates.get(name) ?? null,
    pins: new Map((life?.candidates ?? []).map(({ small, pins }) => [small, pins])),
    now,
  };
  if (store === null) {
    return { ...known, served: new Map(), proposals: [], events: [], looks: [], voided: new Map(), evidence: [], pairs: [], traffic: null };
  }
  const events = await store.events.list({ task: name });
  const history = await store.certificates.history(name);
  return {
    ...known,
    served: await servedOf(name, store, now),
    proposals: events.flatMap((event) => proposalOf(event, world.note) ?? []),
    events,
    looks: await store.looks.list({ task: name }),
    voided: new Map(history.flatMap(({ certificate, voided }) => (voided === null ? [] : [[certificate.id, voided.reason] as const]))),
    evidence: life === null ? [] : await evidenceOf(life, store, world),
    pairs: await store.pairs.list({ task: name }),
    traffic: await trafficOf(name, store, now),
  };
}

async function evidenceOf(task: LifeTask, store: Store, world: ReviewWorld): Promise<readonly CandidateEvidence[]> {
  const runner = runnerOf([task], store, world);
  const all: CandidateEvidence[] = [];
  for (const candidate of task.candidates) {
    const plan = await runner.plan(task, candidate);
    if (plan === null) continue;
    const { n, size, k } = plan;
    all.push({ small: candidate.small, n, size, k, missing: Math.max(0, Math.ceil((size - n) / PART_SHARES.certify)) });
  }
  return all;
}

/** The version that each model's newest answers to a task came from. */
async function servedOf(task: string, store: Store, now: number): Promise<ReadonlyMap<string, string>> {
  const rows = await store.calls.servedModels({ task, since: now - TRAFFIC_DAYS * DAY_MS });
  return new Map([...rows].sort((a, b) => a.lastAt - b.lastAt).map(({ model, served }) => [model, served]));
}

/** The certificate of a proposal, checked as an entry of a lock file is; one that cannot be read is told of and passed over. */
function proposalOf(event: TaskEvent, note: (message: string) => void): Proposal | null {
  if (event.kind !== 'proposed') return null;
  const detail = event.detail as { readonly certificate?: LockedCertificate; readonly look?: Pick<Look, 'k' | 'n' | 'delta'> } | null;
  try {
    const text = formatLock(withCertificate(NO_LOCK, detail?.certificate as LockedCertificate));
    const certificate = parseLock(text, `proposal ${event.id}`).certificates.get(event.task);
    return certificate === undefined ? null : { certificate, look: detail?.look ?? null, at: event.at };
  } catch (error) {
    if (!(error instanceof SmallfirstError || error instanceof TypeError || error instanceof RangeError)) throw error;
    note(`A proposal for ${event.task} cannot be read and is passed over: ${error.message}`);
    return null;
  }
}

/** Requests of the last 30 days, or since the first where the record is younger than that; at least a day. */
async function trafficOf(task: string, store: Store, now: number): Promise<ReviewQuestion['traffic']> {
  const from = Math.floor((now - TRAFFIC_DAYS * DAY_MS) / HOUR_MS) * HOUR_MS;
  const to = Math.ceil((now + 1) / HOUR_MS) * HOUR_MS;
  const rows = await store.calls.bill({ from, to }, ['task']);
  const requests = rows.filter(({ dimensions }) => dimensions.task === task).reduce((sum, row) => sum + row.requests, 0);
  if (requests === 0) return null;
  const [first] = await store.calls.requests({ task, since: from }, { limit: 1 });
  const days = first === undefined ? TRAFFIC_DAYS : (now - first.closing.at) / DAY_MS;
  return { requests, days: Math.min(TRAFFIC_DAYS, Math.max(1, days)) };
}
