import { Kysely, PostgresDialect, sql } from 'kysely';
import { type EpochMs, type NanoUsd, SmallfirstError, ZERO_USD } from '../../core/index.ts';
import { fromJson, plainText, toJson } from '../sql/values.ts';
import type { CellGrant, CellHold, CellNews, RowResult, WorkRow, WorkState, WorkStore } from '../work-types.ts';
import { openPool } from './pool.ts';
import { openPostgres, type PostgresOptions } from './store.ts';
import { findJob, listJobs, lockJob } from './work-jobs.ts';
import { cancelJob, pauseJob, resumeJob, retryFailed } from './work-orders.ts';
import { again, whole } from './work-transactions.ts';

/** Statements are written out: they lock, lease and compare in ways that a builder only hides. */
type WorkDb = Kysely<Record<never, never>>;

/** Opens bulk work in PostgreSQL, and brings the schema up to date. */
export async function openPostgresWork(url: string, options: PostgresOptions): Promise<WorkStore> {
  const { schema = null as string | null, maxConnections = 4, queryTimeoutMs = null } = options;
  await (await openPostgres(url, { ...options, maxConnections: 1 })).close();
  const pool = await openPool({ url, maxConnections, schema, readOnly: false, queryTimeoutMs });
  const db: WorkDb = new Kysely({ dialect: new PostgresDialect({ pool }) });
  return {
    add: async (job) => {
      await sql`insert into work_jobs (id, pipeline, pipeline_hash, input, input_version, request, state, is_loaded, created_at, concurrency,
          max_cost, spent, reserved, is_unpriced, row_count, cell_count, done, failed, escalated, duplicates)
        values (${job.id}, ${job.pipeline}, ${job.pipelineHash}, ${plainText(job.input)}, ${job.inputVersion}, ${toJson(job.request)},
          'running', false, ${job.createdAt}, ${job.concurrency}, ${job.maxCost}, 0, 0, false, 0, 0, 0, 0, 0, 0)
        on conflict (id) do nothing`.execute(db);
    },
    list: (limit) => listJobs(db, limit),
    find: (id) => findJob(db, id),
    addRows: (job, rows, size) => addRows(db, job, rows, size),
    loaded: (job, at) =>
      whole(db, async (tx) => {
        await sql`update work_jobs set is_loaded = true where id = ${job}`.execute(tx);
        await endIfDone(tx, job, at);
      }),
    cellsLeft: (job) => countOf(db, sql`select count(*) as n from work_cells where job = ${job}`),
    waiting: async (hashes, limit) => {
      // Whoever removed a last cell may have been killed before it said so.
      await sql`update work_jobs j set state = 'done', finished_at = (extract(epoch from now()) * 1000)::bigint
        where state = 'running' and is_loaded and pipeline_hash = any(${hashes})
          and not exists (select 1 from work_cells where job = j.id)`.execute(db);
      const { rows } = await sql<{ job: string; cell: number; pipelineHash: string }>`
        select job, cell, "pipelineHash" from (
          select c.job, c.cell, j.pipeline_hash as "pipelineHash", j.created_at, row_number() over (partition by c.job order by c.cell) as turn
          from work_cells c join work_jobs j on j.id = c.job
          where j.state = 'running' and j.pipeline_hash = any(${hashes}) and (c.leased_until is null or c.leased_until < now())
        ) as cells order by turn, created_at, job limit ${limit}`.execute(db);
      return rows;
    },
    left: (hashes) =>
      countOf(
        db,
        sql`select count(*) as n from work_jobs j left join work_cells c on c.job = j.id
          where j.state = 'running' and j.pipeline_hash = any(${hashes}) and (c.job is not null or not j.is_loaded)`,
      ),
    begin: async (hold, lease) => (await beginFree(db, hold, lease.ms)) ?? (await whole(db, (tx) => begin(tx, hold, lease))),
    renew: async (holds, leaseMs) => {
      const { rows } = await sql<{ attempt: string }>`
        update work_cells c set leased_until = now() + ${leaseMs} * interval '1 millisecond' from work_jobs j
        where c.attempt = any(${holds.map(({ attempt }) => attempt)}) and j.id = c.job and j.state = 'running'
        returning c.attempt`.execute(db);
      return new Set(rows.map(({ attempt }) => attempt));
    },
    keep: (hold, news) => again(() => keep(db, hold, news)),
    widen: (hold) => whole(db, (tx) => widen(tx, hold)),
    release: (hold, counts) => whole(db, (tx) => release(tx, hold, counts)),
    pause: (job, reason) => pauseJob(db, job, reason),
    resume: (job, maxCost) => resumeJob(db, job, maxCost),
    cancel: (job, at) => cancelJob(db, job, at),
    retry: (job, size) => retryFailed(db, job, size),
    results: async (job, after, limit) => {
      const { rows } = await sql<{ ordinal: number; isError: boolean; line: string }>`
        select ordinal, is_error as "isError", line from work_results where job = ${job} and ordinal > ${after}
        order by ordinal limit ${limit}`.execute(db);
      return rows;
    },
    close: () => db.destroy(),
  };
}

async function countOf(db: WorkDb, query: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await query.execute(db);
  return Number((rows[0] as { readonly n: number } | undefined)?.n ?? 0);
}

function addRows(db: WorkDb, job: string, rows: readonly WorkRow[], size: number): Promise<number> {
  return whole(db, async (tx) => {
    const locked = await lockJob(tx, job);
    if (locked === null) throw new SmallfirstError('INPUT_NOT_FOUND', `There is no job ${job}.`);
    // A submitter whose connection broke after the commit says the same again: what is there is left alone.
    const fresh = rows.filter(({ ordinal }) => ordinal >= locked.rows);
    const cells: string[] = [];
    for (let at = 0; at < fresh.length; at += size) cells.push(JSON.stringify(fresh.slice(at, at + size)));
    if (cells.length > 0 && locked.state !== 'cancelled') {
      await sql`insert into work_cells (job, cell, rows, attempts, reserved)
        select ${job}, ${locked.cellCount} + n - 1, text, 0, 0 from unnest(${cells}::text[]) with ordinality as t (text, n)`.execute(tx);
      await sql`update work_jobs set row_count = row_count + ${fresh.length}, cell_count = cell_count + ${cells.length}
        where id = ${job}`.execute(tx);
    }
    return countOf(tx, sql`select count(*) as n from work_cells where job = ${job}`);
  });
}

/** The last cell of a job that is all here ends it: whoever removed it sees that nothing is left. */
async function endIfDone(tx: WorkDb, job: string, at: EpochMs): Promise<void> {
  await sql`update work_jobs set state = 'done', finished_at = ${at}
    where id = ${job} and is_loaded and state in ('running', 'paused') and not exists (select 1 from work_cells where job = ${job})`.execute(
    tx,
  );
}

/**
 * Without a cap nothing is shared with other cells, and one statement takes the lease. Undefined where that does not do: then the slow way
 * finds out why.
 */
async function beginFree(db: WorkDb, { job, cell, attempt }: CellHold, leaseMs: number): Promise<CellGrant | undefined> {
  const { rows } = await sql<{ rows: string; attempts: number; pipeline: string; request: string; concurrency: number | null }>`
    update work_cells c set attempts = attempts + 1, attempt = ${attempt}, leased_until = now() + ${leaseMs} * interval '1 millisecond'
    from work_jobs j
    where c.job = ${job} and c.cell = ${cell} and j.id = c.job and j.state = 'running' and j.max_cost is null and c.reserved = 0
      and (c.leased_until is null or c.leased_until < now())
    returning c.rows, c.attempts, j.pipeline, j.request, j.concurrency`.execute(db);
  const [found] = rows;
  if (found === undefined) return undefined;
  return {
    kind: 'granted',
    job: { id: job, pipeline: found.pipeline, request: fromJson(found.request), concurrency: found.concurrency, maxCost: null },
    rows: await unfinished(db, job, found.rows),
    attempts: found.attempts,
    budget: null,
  };
}

/** The rows of a cell that have no result. */
async function unfinished(db: WorkDb, job: string, text: string): Promise<readonly WorkRow[]> {
  const all = fromJson<readonly WorkRow[]>(text);
  const { rows } = await sql<{ ordinal: number }>`
    select ordinal from work_results where job = ${job} and ordinal = any(${all.map(({ ordinal }) => ordinal)}::bigint[])`.execute(db);
  const done = new Set(rows.map(({ ordinal }) => ordinal));
  return all.filter(({ ordinal }) => !done.has(ordinal));
}

async function begin(tx: WorkDb, hold: CellHold, lease: { readonly ms: number; readonly share: number }): Promise<CellGrant> {
  const { job, cell, attempt } = hold;
  const locked = await lockJob(tx, job);
  if (locked?.state !== 'running') return { kind: 'nothing' };
  const { rows } = await sql<{ rows: string; attempts: number; attempt: string | null; reserved: number; heldMs: number }>`
    select rows, attempts, attempt, reserved, coalesce(extract(epoch from leased_until - now()) * 1000, 0)::double precision as "heldMs"
    from work_cells where job = ${job} and cell = ${cell} for update`.execute(tx);
  const [found] = rows;
  if (found === undefined) return { kind: 'nothing' };
  // A holder whose connection broke after the commit asks again for what it has.
  const isOurs = found.attempt === attempt;
  if (found.heldMs > 0 && !isOurs) return { kind: 'held', forMs: Math.ceil(found.heldMs) };
  const left = locked.maxCost === null ? null : locked.maxCost - locked.spent - (locked.reserved - found.reserved);
  if (left !== null && left <= 0) {
    // What others have reserved may come back, long before their leases end; without any it is spent.
    if (locked.reserved - found.reserved > 0) return { kind: 'held', forMs: Math.ceil(lease.ms / 4) };
    await sql`update work_jobs set state = 'paused', reason = 'max-cost', reserved = reserved - ${found.reserved} where id = ${job}`.execute(
      tx,
    );
    await sql`update work_cells set reserved = 0 where job = ${job} and cell = ${cell}`.execute(tx);
    return { kind: 'nothing' };
  }
  const budget = left === null ? null : Math.ceil(left / lease.share);
  await sql`update work_cells set attempts = attempts + ${isOurs ? 0 : 1}, attempt = ${attempt}, reserved = ${budget ?? 0},
    leased_until = now() + ${lease.ms} * interval '1 millisecond' where job = ${job} and cell = ${cell}`.execute(tx);
  if (budget !== null || found.reserved !== 0) {
    await sql`update work_jobs set reserved = reserved - ${found.reserved} + ${budget ?? 0} where id = ${job}`.execute(tx);
  }
  const { pipeline, request, concurrency, maxCost } = locked;
  return {
    kind: 'granted',
    job: { id: job, pipeline, request, concurrency, maxCost },
    rows: await unfinished(tx, job, found.rows),
    attempts: found.attempts + (isOurs ? 0 : 1),
    budget: budget as NanoUsd | null,
  };
}

/**
 * One statement, so that the job's row, which every holder of its cells writes to, is locked for no longer than a commit takes. Parts of a
 * statement see what was there before it: what we kept ourselves earlier is our own word told twice, and its money is booked already.
 */
async function keep(db: WorkDb, { job, cell, attempt }: CellHold, { results, alsoSpent, endedAt }: CellNews): Promise<WorkState> {
  const column = <T>(of: (row: RowResult) => T): readonly T[] => results.map(of);
  const told = sql`select * from unnest(${column((row) => row.ordinal)}::bigint[], ${column((row) => row.isError)}::boolean[],
    ${column((row) => row.escalated)}::boolean[], ${column((row) => row.line)}::text[],
    ${column(({ retryRow }) => (retryRow === null ? null : JSON.stringify(retryRow)))}::text[],
    ${column((row) => row.spent)}::bigint[]) as t (ordinal, is_error, escalated, line, retry_row, spent)`;
  const ours = sql`work_cells where job = ${job} and cell = ${cell} and attempt = ${attempt}`;
  const { rows } = await sql<{ state: WorkState }>`
    with told as (${told}),
    before as (select ordinal from work_results where job = ${job} and attempt = ${attempt} and ordinal in (select ordinal from told)),
    kept as (
      insert into work_results (job, ordinal, attempt, is_error, line, retry_row)
      select ${job}, ordinal, ${attempt}, is_error, line, retry_row from told
      where exists (select 1 from work_cells where job = ${job} and cell = ${cell})
      on conflict (job, ordinal) do nothing returning ordinal),
    sums as (
      select count(*) filter (where k.ordinal is not null and not t.is_error) as done,
        count(*) filter (where k.ordinal is not null and t.is_error) as failed,
        count(*) filter (where k.ordinal is not null and t.escalated) as escalated,
        count(*) filter (where k.ordinal is null) as duplicates,
        coalesce(sum(t.spent), 0)::bigint + ${alsoSpent}::bigint as spent, coalesce(bool_or(t.spent is null), false) as is_unpriced
      from told t left join kept k using (ordinal) where t.ordinal not in (select ordinal from before)),
    held as (select reserved from ${ours} for update),
    ended as (${endedAt === null ? sql`update work_cells set reserved = greatest(0, reserved - (select spent from sums)) where job = ${job} and cell = ${cell} and attempt = ${attempt}` : sql`delete from ${ours}`} returning cell)
    update work_jobs set done = work_jobs.done + sums.done, failed = work_jobs.failed + sums.failed, escalated = work_jobs.escalated + sums.escalated,
      duplicates = work_jobs.duplicates + sums.duplicates, spent = work_jobs.spent + sums.spent,
      is_unpriced = work_jobs.is_unpriced or sums.is_unpriced,
      reserved = work_jobs.reserved - coalesce((select ${endedAt === null ? sql`least(held.reserved, sums.spent)` : sql`held.reserved`} from held), 0)
    from sums where id = ${job} returning state`.execute(db);
  if (endedAt !== null) await endIfDone(db, job, endedAt);
  return rows[0]?.state ?? 'cancelled';
}

async function widen(tx: WorkDb, { job, cell, attempt }: CellHold) {
  const locked = await lockJob(tx, job);
  const { rows } = await sql<{ reserved: number }>`
    select reserved from work_cells where job = ${job} and cell = ${cell} and attempt = ${attempt}`.execute(tx);
  const [found] = rows;
  if (locked === null || found === undefined || locked.maxCost === null) return { budget: null, others: ZERO_USD };
  const others = (locked.reserved - found.reserved) as NanoUsd;
  const budget = Math.max(0, locked.maxCost - locked.spent - others) as NanoUsd;
  await sql`update work_cells set reserved = ${budget} where job = ${job} and cell = ${cell}`.execute(tx);
  await sql`update work_jobs set reserved = ${others + budget} where id = ${job}`.execute(tx);
  return { budget, others };
}

async function release(tx: WorkDb, { job, cell, attempt }: CellHold, counts: boolean): Promise<void> {
  const { rows } = await sql<{ reserved: number }>`
    with before as (select reserved from work_cells where job = ${job} and cell = ${cell} and attempt = ${attempt} for update)
    update work_cells set reserved = 0, leased_until = null, attempt = null, attempts = attempts - ${counts ? 0 : 1} from before
    where job = ${job} and cell = ${cell} returning before.reserved`.execute(tx);
  const reserved = rows[0]?.reserved ?? 0;
  if (reserved > 0) await sql`update work_jobs set reserved = reserved - ${reserved} where id = ${job}`.execute(tx);
}
