import { type Kysely, sql } from 'kysely';
import { type Json, type NanoUsd, SmallfirstError } from '../../core/index.ts';
import { exactInteger, exactMoney, fromJson } from '../sql/values.ts';
import type { WorkJob, WorkState } from '../work-types.ts';

type Db = Kysely<Record<never, never>>;

/** A row of `work_jobs` with its cells counted. */
interface JobRow {
  id: string;
  pipeline: string;
  pipeline_hash: string;
  input: string;
  input_version: string;
  request: string;
  state: WorkState;
  reason: string | null;
  is_loaded: boolean;
  created_at: number;
  finished_at: number | null;
  concurrency: number | null;
  max_cost: number | null;
  spent: number;
  reserved: number;
  is_unpriced: boolean;
  row_count: number;
  cell_count: number;
  done: number;
  failed: number;
  escalated: number;
  duplicates: number;
  cells_left: number;
  cells_held: number;
}

const counted = sql`select j.*, c.cells_left, c.cells_held from work_jobs j cross join lateral (
  select count(*) as cells_left, count(*) filter (where leased_until >= now()) as cells_held from work_cells where job = j.id) c`;

/** Jobs, newest first. */
export async function listJobs(db: Db, limit: number): Promise<readonly WorkJob[]> {
  const { rows } = await sql<JobRow>`${counted} order by j.created_at desc, j.id desc limit ${limit}`.execute(db);
  return rows.map(jobOf);
}

/** The job with an id, or whose id alone begins or ends so: ids of one hour begin alike. Null without one; USAGE for several. */
export async function findJob(db: Db, id: string): Promise<WorkJob | null> {
  const { rows } = await sql<JobRow>`${counted} where j.id = ${id} or starts_with(j.id, ${id}) or right(j.id, length(${id})) = ${id}
    order by j.id = ${id} desc limit 2`.execute(db);
  const [first, second] = rows;
  if (first === undefined || id === '') return null;
  if (first.id !== id && second !== undefined) throw new SmallfirstError('USAGE', `Several jobs go by ${id}: give more of the id.`);
  return jobOf(first);
}

/** What a transaction may decide by while it holds the job's row. */
export interface LockedJob
  extends Pick<
    WorkJob,
    'pipeline' | 'request' | 'state' | 'reason' | 'concurrency' | 'maxCost' | 'spent' | 'reserved' | 'rows' | 'isLoaded'
  > {
  readonly cellCount: number;
}

/** Locks a job until the transaction ends. Null without it. */
export async function lockJob(db: Db, id: string): Promise<LockedJob | null> {
  const { rows } = await sql<Omit<JobRow, 'cells_left' | 'cells_held'>>`select * from work_jobs where id = ${id} for update`.execute(db);
  const [row] = rows;
  return row === undefined ? null : { ...jobOf({ ...row, cells_left: 0, cells_held: 0 }), cellCount: exactInteger(row.cell_count) };
}

function jobOf(row: JobRow): WorkJob {
  return {
    id: row.id,
    pipeline: row.pipeline,
    pipelineHash: row.pipeline_hash,
    input: row.input,
    inputVersion: row.input_version,
    request: fromJson<Readonly<Record<string, Json>>>(row.request),
    state: row.state,
    reason: row.reason,
    isLoaded: row.is_loaded,
    createdAt: exactInteger(row.created_at),
    finishedAt: row.finished_at === null ? null : exactInteger(row.finished_at),
    concurrency: row.concurrency === null ? null : exactInteger(row.concurrency),
    maxCost: exactMoney(row.max_cost),
    spent: exactMoney(row.spent) as NanoUsd,
    reserved: exactMoney(row.reserved) as NanoUsd,
    isUnpriced: row.is_unpriced,
    rows: exactInteger(row.row_count),
    done: exactInteger(row.done),
    failed: exactInteger(row.failed),
    escalated: exactInteger(row.escalated),
    duplicates: exactInteger(row.duplicates),
    cellsLeft: exactInteger(row.cells_left),
    cellsHeld: exactInteger(row.cells_held),
  };
}
