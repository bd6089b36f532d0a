import { type Clock, SmallfirstError } from '../core/index.ts';
import { ApiError } from './api-client.ts';
import { type Approval, approves, type Estimate, withProviderPrice } from './estimate.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { FINAL_STATES, type FineTuneAdapter, type JobState, type RemoteJob } from './types.ts';

/** What driving a job needs of the world. */
export interface DriveDeps {
  readonly adapter: FineTuneAdapter;
  readonly store: JobStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Waits between looks. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Asks a person who has agreed to less, or to nothing yet; null says no. */
  readonly ask: (estimate: Estimate, why: string) => Promise<Approval | null>;
  readonly onChange?: (job: JobRecord) => void;
  /** Shortest and longest wait between two looks, in milliseconds. */
  readonly pollMs?: readonly [number, number];
}

/** How far to go: until the job is over, or only until it was sent and looked at once. */
export type DriveUntil = 'over' | 'launched' | 'looked';

const POLL_MS: readonly [number, number] = [2_000, 30_000];
/** A file that the provider does not finish checking in this many looks is left for a later `resume`. */
const MAX_CHECKS = 600;

/** Over for good. */
export function isOver(job: Pick<JobRecord, 'state'>): boolean {
  return FINAL_STATES.includes(job.state);
}

/**
 * Takes a job from wherever it is as far as asked. Its file is written before and after every step, so that it can be broken off
 * anywhere and go on: what was uploaded is found by its name, what was launched by its files, and nothing is paid twice. Throws
 * DATA_DIR_LOCKED, or what the provider's API throws; a job that the provider refused ends as `failed`.
 */
export async function driveJob(id: string, until: DriveUntil, deps: DriveDeps): Promise<JobRecord> {
  return deps.store.alone(id, async () => {
    let job = await deps.store.get(id);
    for (let checks = 0; !isOver(job); checks += 1) {
      const before = job.state;
      job = await step(job, deps);
      // Nobody agreed to it, or the user runs it: both wait for a person.
      if ((job.state === 'priced' && before === 'priced') || job.state === 'exported') return job;
      if (isOver(job) || (until === 'looked' && isLaunched(before)) || (until === 'launched' && isLaunched(job.state))) return job;
      if (job.state !== before) {
        checks = 0;
        continue;
      }
      if (job.state === 'checking' && checks >= MAX_CHECKS)
        throw new SmallfirstError(
          'UPSTREAM_BUSY',
          `${deps.adapter.title} is still checking the file; go on with \`smallfirst train resume ${id}\``,
        );
      const [shortest, longest] = deps.pollMs ?? POLL_MS;
      await deps.sleep(Math.min(longest, shortest * 1.5 ** checks), deps.signal);
      if (deps.signal.aborted) throw new SmallfirstError('ABORTED', `called off; the job goes on, see \`smallfirst train resume ${id}\``);
    }
    return job;
  });
}

/** Calls a job off. One that was not sent ends at once; one that was is cancelled at the provider. Throws USAGE for one that is over. */
export async function cancelJob(id: string, deps: DriveDeps): Promise<JobRecord> {
  return deps.store.alone(id, async () => {
    let job = await deps.store.get(id);
    if (isOver(job)) throw new SmallfirstError('USAGE', `job ${job.id} is over: ${job.state}`);
    if (job.remote.job === null && job.state === 'launching') job = await adopt(job, deps);
    const remoteId = job.remote.job ?? job.remote.held;
    if (remoteId === null) return change(job, { state: 'cancelled' }, deps, 'called off before anything was started');
    return take(job, await deps.adapter.cancel(job.spec, remoteId, deps.signal), deps);
  });
}

async function step(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  try {
    switch (job.state) {
      case 'created':
        return await change(job, { state: 'uploading' }, deps);
      case 'uploading':
        return await upload(job, deps);
      case 'checking':
        return await check(job, deps);
      case 'priced':
        return await approve(job, deps);
      case 'launching':
        return await launch(job, deps);
      case 'exported':
        return await launch(job, deps);
      default:
        return await look(job, deps);
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // A refusal stays one: the job is over, with the provider's words. A missing or wrong key is none: it can be set right.
    if (error.status === 404 && isLaunched(job.state))
      return change(job, { state: 'expired', error: `${deps.adapter.title} does not know the job any more` }, deps);
    return change(job, { state: 'failed', error: error.message }, deps);
  }
}

function isRefusal(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    error.status !== null &&
    error.status >= 400 &&
    error.status < 500 &&
    ![401, 403, 408, 409, 429].includes(error.status)
  );
}

async function upload(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const { adapter, signal } = deps;
  const { training, validation } = job.spec;
  let current = job;
  for (const [name, file] of [['training', training] as const, ['validation', validation] as const]) {
    if (file === null || current.remote[name] !== null) continue;
    // It may be there: a process that ended after sending it could not note its id.
    const id = (await adapter.findFile(file, signal)) ?? (await adapter.upload(file, signal));
    if (id === '') throw new SmallfirstError('UPSTREAM_INVALID', `${adapter.title} gave the file no id`);
    current = await change(current, { remote: { ...current.remote, [name]: id } }, deps);
  }
  return change(current, { state: 'checking' }, deps);
}

async function check(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const said = await deps.adapter.estimate(job.spec, job.remote, deps.signal);
  if (said.state === 'pending') return job;
  if (said.state === 'invalid') return change(job, { state: 'failed', error: `${deps.adapter.title} refused the file: ${said.why}` }, deps);
  if (said.state === 'unavailable') return change(job, { state: 'priced' }, deps, said.why);
  const estimate = withProviderPrice(job.estimate, said.cost, { perCall: null, callsPerMonth: null });
  return change(
    job,
    {
      state: 'priced',
      estimate: { ...estimate, billedTokens: said.tokens ?? estimate.billedTokens, payback: rescaled(job.estimate, said.cost) },
      remote: { ...job.remote, held: said.held },
    },
    deps,
    'priced by the provider',
  );
}

/** The payback of another training cost: only N* and the months depend on it. */
function rescaled({ payback, cost: before }: Estimate, cost: number): Estimate['payback'] {
  if (payback === null) return null;
  const calls = payback.savedPerCall > 0 ? Math.ceil(cost / payback.savedPerCall) : null;
  const months = payback.months === null || before === null || before === 0 ? null : (payback.months * cost) / before;
  return { ...payback, calls, months };
}

async function approve(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const ownMachine = job.estimate.origin === 'own machine';
  const gate = approves(job.approval, job.estimate.cost, ownMachine);
  if (gate.go) return change(job, { state: 'launching' }, deps);
  if (!gate.ask) return job;
  const approval = await deps.ask(job.estimate, gate.why);
  if (approval === null || !approves(approval, job.estimate.cost, ownMachine).go) return job;
  return change(job, { state: 'launching', approval }, deps);
}

/** Starts the job, unless it is there: whoever was broken off between starting it and noting its id finds it by its files. */
async function launch(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const found = await adopt(job, deps);
  if (found.remote.job !== null && found.state !== 'exported') return found;
  try {
    return await take(job, await deps.adapter.launch(job.spec, job.remote, job.remote.held, deps.signal), deps);
  } catch (error) {
    if (!(error instanceof ApiError) || !error.mayHaveHappened) throw error;
    // Nobody knows whether it was started: look before it is ever sent again.
    const after = await adopt(job, deps);
    if (after.remote.job !== null) return after;
    throw error;
  }
}

async function adopt(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const found = await deps.adapter.find(job.spec, job.remote, deps.signal);
  return found === null ? job : take(job, found, deps, 'found at the provider');
}

async function look(job: JobRecord, deps: DriveDeps): Promise<JobRecord> {
  const { job: id } = job.remote;
  if (id === null) return adopt(job, deps);
  return take(job, await deps.adapter.poll(job.spec, id, deps.signal), deps);
}

/** Notes what the provider says of a job. */
async function take(job: JobRecord, said: RemoteJob, deps: DriveDeps, note: string | null = null): Promise<JobRecord> {
  const state: JobState = said.state === 'succeeded' && said.model === null ? 'failed' : said.state;
  const error = state === 'failed' && said.state === 'succeeded' ? 'the provider names no model' : said.error;
  const template = state === 'succeeded' ? ((await deps.adapter.template(job.spec)) ?? job.template) : job.template;
  const changes = {
    state,
    remote: { ...job.remote, job: said.id, status: said.status, progress: said.progress ?? job.remote.progress },
    model: said.model ?? job.model,
    trainedTokens: said.trainedTokens ?? job.trainedTokens,
    charged: said.cost ?? job.charged,
    template,
    error,
  };
  // A look that shows nothing new is not written: a job may be looked at for hours.
  return isNews(job, changes) ? change(job, changes, deps, note) : job;
}

function isNews(job: JobRecord, changes: Partial<JobRecord>): boolean {
  const now = { ...job, ...changes };
  return JSON.stringify(now) !== JSON.stringify(job);
}

async function change(job: JobRecord, changes: Partial<JobRecord>, deps: DriveDeps, note: string | null = null): Promise<JobRecord> {
  const at = deps.clock.now();
  const state = changes.state ?? job.state;
  const moved = state !== job.state;
  const changed: JobRecord = {
    ...job,
    ...changes,
    updatedAt: at,
    finishedAt: moved && FINAL_STATES.includes(state) ? at : job.finishedAt,
    history: moved ? [...job.history, { at, state, note: changes.error ?? note }] : job.history,
  };
  await deps.store.save(changed);
  deps.onChange?.(changed);
  return changed;
}

/** Whether the provider has the job. */
function isLaunched(state: JobState): boolean {
  return state === 'queued' || state === 'running' || state === 'cancelling';
}
