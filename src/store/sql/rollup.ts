import type { Call, Outcome, Purpose } from '../../core/index.ts';
import { inputTotal } from '../../core/index.ts';
import type { CallTable, RollupSums } from './tables.ts';

const HOUR_MS = 3_600_000;
/** Whole hours in a day: days are UTC, so every one has 24. */
export const DAY_HOURS = 24;

/** Columns of a rollup that add up, in the order in which writers bind them. */
export const sumColumns = [
  'calls',
  'requests',
  'unpriced_calls',
  'cost',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'latency_us',
  'latency_count',
] as const satisfies readonly (keyof RollupSums)[];

/** One line of a rollup: a time bucket (hours or days since the epoch), a dimension and its sums. */
export interface RollupLine {
  readonly bucket: number;
  readonly dimensionId: number;
  readonly sums: RollupSums;
}

/** Whole hours since the epoch, in UTC. */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}

/** Why a model is called for a client. */
export const clientPurposes: ReadonlySet<Purpose> = new Set<Purpose>(['answer', 'escalation', 'polish', 'passthrough']);
/** How the attempt ends that a client hears of. */
export const closingOutcomes: ReadonlySet<Outcome> = new Set<Outcome>(['accepted', 'failed']);

/** Whether this attempt is what the client got: its answer, or the failure that ended the request. */
export function closesRequest(call: Pick<Call, 'purpose' | 'outcome'>): boolean {
  return clientPurposes.has(call.purpose) && closingOutcomes.has(call.outcome);
}

/** Adds rows up by hour and dimension, sorted. Throws RangeError when a sum leaves the exact range. */
export function rollUp(rows: readonly { readonly call: Call; readonly row: CallTable }[]): RollupLine[] {
  const buckets = new Map<number, Map<number, RollupSums>>();
  for (const { call, row } of rows) {
    const sums = sumsAt(buckets, hourOf(row.at), row.dimension_id);
    sums.calls += 1;
    if (closesRequest(call)) sums.requests += 1;
    if (row.cost === null) sums.unpriced_calls += 1;
    else sums.cost += row.cost;
    sums.input_tokens += inputTotal(call.usage);
    sums.cached_tokens += row.cache_read;
    sums.output_tokens += row.output;
    if (row.latency_us !== null) {
      sums.latency_us += row.latency_us;
      sums.latency_count += 1;
    }
  }
  return linesOf(buckets);
}

/** The same lines by day. */
export function byDay(hours: readonly RollupLine[]): RollupLine[] {
  const buckets = new Map<number, Map<number, RollupSums>>();
  for (const line of hours) {
    const sums = sumsAt(buckets, Math.floor(line.bucket / DAY_HOURS), line.dimensionId);
    for (const column of sumColumns) sums[column] += line.sums[column];
  }
  return linesOf(buckets);
}

function sumsAt(buckets: Map<number, Map<number, RollupSums>>, bucket: number, dimensionId: number): RollupSums {
  let lines = buckets.get(bucket);
  if (!lines) {
    lines = new Map();
    buckets.set(bucket, lines);
  }
  let sums = lines.get(dimensionId);
  if (!sums) {
    sums = {
      calls: 0,
      requests: 0,
      unpriced_calls: 0,
      cost: 0,
      input_tokens: 0,
      cached_tokens: 0,
      output_tokens: 0,
      latency_us: 0,
      latency_count: 0,
    };
    lines.set(dimensionId, sums);
  }
  return sums;
}

/** Sorted, so that writers that meet take rows in one order and cannot wait for each other in a ring. */
function linesOf(buckets: ReadonlyMap<number, ReadonlyMap<number, RollupSums>>): RollupLine[] {
  const lines: RollupLine[] = [];
  for (const [bucket, byDimension] of buckets) {
    for (const [dimensionId, sums] of byDimension) {
      for (const column of sumColumns) {
        if (!Number.isSafeInteger(sums[column])) throw new RangeError(`the sum of ${column} leaves the exact range`);
      }
      lines.push({ bucket, dimensionId, sums });
    }
  }
  return lines.sort((a, b) => a.bucket - b.bucket || a.dimensionId - b.dimensionId);
}
