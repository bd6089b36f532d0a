import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { NanoUsd } from '../../core/index.ts';
import type { BillDimension, BillRow } from '../types.ts';
import { DAY_HOURS, hourOf, sumColumns } from './rollup.ts';
import type { RollupSums, Tables } from './tables.ts';
import { exactInteger } from './values.ts';

const HOUR_MS = 3_600_000;

type Grain = 'none' | 'day' | 'hour';

/** Dimensions that are columns of `dimensions`; the others are the time bucket. */
type NamedDimension = Exclude<BillDimension, 'day' | 'hour'>;

/** A bill line as SQL gives it: sums may be of any type that holds a big integer. */
type BillRecord = { readonly [column in keyof RollupSums]: unknown } & { readonly bucket: unknown } & {
  readonly [dimension in NamedDimension]?: string | null;
};

/** Reads a bill: whole days from the rollup by day, the hours at both ends from the one by hour. */
export async function readBill(
  db: Kysely<Tables>,
  span: { readonly from: number; readonly to: number },
  by: readonly BillDimension[],
): Promise<readonly BillRow[]> {
  const from = wholeHour(span.from);
  const to = wholeHour(span.to);
  if (from >= to) return [];
  const grain: Grain = by.includes('hour') ? 'hour' : by.includes('day') ? 'day' : 'none';
  const named = [...new Set(by)].filter((dimension): dimension is NamedDimension => dimension !== 'day' && dimension !== 'hour');
  const parts = sources(from, to, { grain, byDimension: named.length > 0 });
  const groups = [...named.map((dimension) => sql`d.${sql.ref(dimension)}`), ...(grain === 'none' ? [] : [sql`r.bucket`])];
  const selected = [...groups, ...sumColumns.map((column) => sql`cast(sum(r.${sql.ref(column)}) as bigint) as ${sql.ref(column)}`)];
  const grouping = groups.length === 0 ? sql`having count(*) > 0` : sql`group by ${sql.join(groups)}`;
  const { rows } = await sql<BillRecord>`
    select ${sql.join(selected)}
    from (${sql.join(parts, sql` union all `)}) r ${named.length > 0 ? sql`join dimensions d on d.id = r.dimension_id` : sql``}
    ${grouping}`.execute(db);
  return rows.map((row) => billRow(row, by)).sort((a, b) => compare(a, b, by));
}

interface Detail {
  readonly grain: Grain;
  readonly byDimension: boolean;
}

/** The rollups that cover a span without a gap and without counting twice. */
function sources(from: number, to: number, detail: Detail): RawBuilder<unknown>[] {
  const firstDay = Math.ceil(from / DAY_HOURS);
  const lastDay = Math.floor(to / DAY_HOURS);
  const hours = (low: number, high: number) => (low < high ? [source('hour', low, high, detail)] : []);
  if (detail.grain === 'hour' || firstDay >= lastDay) return hours(from, to);
  return [source('day', firstDay, lastDay, detail), ...hours(from, firstDay * DAY_HOURS), ...hours(lastDay * DAY_HOURS, to)];
}

/** Adds up by number first, in the order of the primary key: then little is left to be joined with and grouped by text. */
function source(unit: 'hour' | 'day', low: number, high: number, { grain, byDimension }: Detail): RawBuilder<unknown> {
  const bucket = grain === 'none' ? sql`0` : grain === 'day' && unit === 'hour' ? sql`hour / 24` : sql.ref(unit);
  const columns = byDimension ? sql`${bucket} as bucket, dimension_id` : sql`${bucket} as bucket`;
  const sums = sumColumns.map((name) => sql`sum(${sql.ref(name)}) as ${sql.ref(name)}`);
  return sql`select ${columns}, ${sql.join(sums)} from ${sql.table(`${unit}_rollups`)}
    where ${sql.ref(unit)} >= ${low} and ${sql.ref(unit)} < ${high} group by ${byDimension ? sql`1, 2` : sql`1`}`;
}

function wholeHour(at: number): number {
  if (!Number.isSafeInteger(at) || at < 0 || at % HOUR_MS !== 0) throw new RangeError(`not a whole hour: ${at}`);
  return hourOf(at);
}

function billRow(row: BillRecord, by: readonly BillDimension[]): BillRow {
  const dimensions: Partial<Record<BillDimension, string | null>> = {};
  for (const dimension of by) {
    if (dimension === 'hour') dimensions.hour = hourText(exactInteger(row.bucket));
    else if (dimension === 'day') dimensions.day = dayText(exactInteger(row.bucket), by.includes('hour'));
    else dimensions[dimension] = row[dimension] ?? null;
  }
  return {
    dimensions,
    calls: exactInteger(row.calls),
    requests: exactInteger(row.requests),
    unpricedCalls: exactInteger(row.unpriced_calls),
    cost: exactInteger(row.cost) as NanoUsd,
    inputTokens: exactInteger(row.input_tokens),
    cachedTokens: exactInteger(row.cached_tokens),
    outputTokens: exactInteger(row.output_tokens),
    latencyMsTotal: exactInteger(row.latency_us) / 1000,
    latencyCount: exactInteger(row.latency_count),
  };
}

/** `2026-01-31T13:00Z` of an hour since the epoch. */
function hourText(hour: number): string {
  return `${new Date(hour * HOUR_MS).toISOString().slice(0, 16)}Z`;
}

/** `2026-01-31` of a bucket, which counts hours when the bill is also by hour. */
function dayText(bucket: number, isHour: boolean): string {
  return new Date(bucket * HOUR_MS * (isHour ? 1 : DAY_HOURS)).toISOString().slice(0, 10);
}

function compare(a: BillRow, b: BillRow, by: readonly BillDimension[]): number {
  for (const dimension of by) {
    const left = a.dimensions[dimension] ?? null;
    const right = b.dimensions[dimension] ?? null;
    if (left === right) continue;
    if (left === null) return -1;
    if (right === null) return 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
