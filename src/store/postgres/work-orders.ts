import { type Kysely, sql } from 'kysely';
import { type EpochMs, formatUsd, type NanoUsd, SmallfirstError } from '../../core/index.ts';
import { plainText } from '../sql/values.ts';
import type { WorkRow } from '../work-types.ts';
import { type LockedJob, lockJob } from './work-jobs.ts';
import { whole } from './work-transactions.ts';

type Db = Kysely<Record<never, never>>;

/** What people order of jobs: each in one transaction that holds the job. */
async function ordered(db: Db, id: string, order: (tx: Db, job: LockedJob) => Promise<void>): Promise<void> {
  await whole(db, async (tx) => {
    const job = await lockJob(tx, id);
    if (job === null) throw new SmallfirstError('INPUT_NOT_FOUND', `There is no job ${id}.`);
    await order(tx, job);
  });
}

/** Stops handing out cells of a job. */
export function pauseJob(db: Db, id: string, reason: string): Promise<void> {
  return ordered(db, id, async (tx, { state }) => {
    if (state !== 'running') throw new SmallfirstError('USAGE', `The job is ${state}: only one that is running can be paused.`);
    await sql`update work_jobs set state = 'paused', reason = ${plainText(reason)} where id = ${id}`.execute(tx);
  });
}

/** Goes on with a paused job, within another cap where one is given. */
export function resumeJob(db: Db, id: string, maxCost: NanoUsd | null): Promise<void> {
  return ordered(db, id, async (tx, job) => {
    if (job.state !== 'paused') throw new SmallfirstError('USAGE', `The job is ${job.state}: only one that is paused can be resumed.`);
    const cap = maxCost ?? job.maxCost;
    if (cap !== null && cap <= job.spent) {
      throw new SmallfirstError('USAGE', `${formatUsd(job.spent)} of ${formatUsd(cap)} is spent: give a higher --max-cost.`);
    }
    await sql`update work_jobs set state = 'running', reason = null, max_cost = ${cap} where id = ${id}`.execute(tx);
  });
}

/** Gives up what a job has left to do. Results stay; what is under way is dropped when it comes. */
export function cancelJob(db: Db, id: string, at: EpochMs): Promise<void> {
  return ordered(db, id, async (tx, { state }) => {
    if (state === 'done') throw new SmallfirstError('USAGE', 'The job is done: nothing is left to cancel.');
    await sql`delete from work_cells where job = ${id}`.execute(tx);
    await sql`update work_jobs set state = 'cancelled', reason = null, reserved = 0, finished_at = ${at} where id = ${id}`.execute(tx);
  });
}

/** Rows that failed become new cells, and their errors are removed. */
export async function retryFailed(db: Db, id: string, size: number): Promise<number> {
  let count = 0;
  await ordered(db, id, async (tx, job) => {
    count = 0;
    if (job.state === 'cancelled') throw new SmallfirstError('USAGE', 'The job was cancelled: submit its rows anew.');
    let cell = job.cellCount;
    for (;;) {
      const { rows } = await sql<{ retry_row: string; ordinal: number }>`
        delete from work_results where job = ${id} and ordinal in (
          select ordinal from work_results where job = ${id} and is_error and retry_row is not null order by ordinal limit ${size})
        returning retry_row, ordinal`.execute(tx);
      if (rows.length === 0) break;
      const again = rows.sort((a, b) => a.ordinal - b.ordinal).map(({ retry_row }) => JSON.parse(retry_row) as WorkRow);
      await sql`insert into work_cells (job, cell, rows, attempts, reserved) values (${id}, ${cell}, ${JSON.stringify(again)}, 0, 0)`.execute(
        tx,
      );
      cell += 1;
      count += rows.length;
    }
    if (count === 0) return;
    await sql`update work_jobs set failed = failed - ${count}, cell_count = ${cell}, finished_at = null,
      state = case when state = 'done' then 'running' else state end where id = ${id}`.execute(tx);
  });
  return count;
}
