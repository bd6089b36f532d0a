import type { Kysely } from 'kysely';
import type { Purpose } from '../../core/index.ts';
import type { CallStore, Spend } from '../types.ts';
import { readBill } from './bill.ts';
import type { Tables } from './tables.ts';
import { plainName } from './values.ts';

const HOUR_MS = 3_600_000;
/** Later than any row: 2^53 ms, in whole hours. */
const EVER = Math.floor(Number.MAX_SAFE_INTEGER / HOUR_MS) * HOUR_MS;

/** What purposes cost since an hour: the bill by task and purpose, and of it what is asked for. */
export async function readSpend(db: Kysely<Tables>, filter: Parameters<CallStore['spend']>[0]): Promise<readonly Spend[]> {
  const purposes = new Set<string>(filter.purposes);
  const task = filter.task === undefined ? undefined : plainName(filter.task);
  const bill = await readBill(db, { from: Math.floor(filter.since / HOUR_MS) * HOUR_MS, to: EVER }, ['task', 'purpose']);
  return bill
    .filter(({ dimensions }) => purposes.has(dimensions.purpose ?? '') && (task === undefined || dimensions.task === task))
    .map(({ dimensions, calls, unpricedCalls, cost }) => ({
      task: dimensions.task ?? null,
      purpose: dimensions.purpose as Purpose,
      calls,
      unpricedCalls,
      cost,
    }));
}
