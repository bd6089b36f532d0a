import type { Kysely } from 'kysely';
import { type Call, SmallfirstError } from '../../core/index.ts';
import type { CallFilter, CallStore } from '../types.ts';
import { readBill } from './bill.ts';
import { callOf } from './call-row.ts';
import { joined } from './joined-calls.ts';
import { listRequests } from './requests.ts';
import { readServedModels } from './served-models.ts';
import { readSpend } from './spend.ts';
import type { Tables } from './tables.ts';
import { plainName, plainText, requireLimit } from './values.ts';

/** What differs by engine: the hot path. */
export interface CallWriter {
  append(calls: readonly Call[]): Promise<number>;
}

/** Calls over SQL: the engine's own writer, the shared queries. */
export function sqlCallStore(db: Kysely<Tables>, writer: CallWriter): CallStore {
  return {
    append: (calls) => writer.append(calls),
    ofRequest: async (requestId) => {
      const rows = await joined(db).where('calls.request_id', '=', plainText(requestId)).orderBy('calls.at').orderBy('calls.id').execute();
      return rows.map(callOf);
    },
    list: (filter, page) => listCalls(db, filter, page),
    requests: (filter, page) => listRequests(db, filter, page),
    servedModels: (filter) => readServedModels(db, filter),
    spend: (filter) => readSpend(db, filter),
    bill: (span, by) => readBill(db, span, by),
    prune: (before) => pruneCalls(db, before),
  };
}

/** Rows removed in one transaction: writers wait for no more than these. */
const PRUNED_AT_ONCE = 5_000;

async function pruneCalls(db: Kysely<Tables>, before: number): Promise<number> {
  let pruned = 0;
  for (;;) {
    const oldest = db.selectFrom('calls').select('id').where('at', '<', before).orderBy('at').limit(PRUNED_AT_ONCE);
    const result = await db.deleteFrom('calls').where('id', 'in', oldest).executeTakeFirst();
    const removed = Number(result.numDeletedRows);
    pruned += removed;
    if (removed < PRUNED_AT_ONCE) return pruned;
  }
}

async function listCalls(
  db: Kysely<Tables>,
  filter: CallFilter,
  page: { readonly limit: number; readonly before?: string },
): Promise<readonly Call[]> {
  let query = joined(db).orderBy('calls.at', 'desc').orderBy('calls.id', 'desc').limit(requireLimit(page.limit));
  if (filter.task !== undefined) query = query.where('dimensions.task', '=', plainName(filter.task));
  if (filter.model !== undefined) query = query.where('dimensions.model', '=', plainName(filter.model));
  if (filter.since !== undefined) query = query.where('calls.at', '>=', filter.since);
  if (filter.until !== undefined) query = query.where('calls.at', '<', filter.until);
  if (page.before !== undefined) {
    const last = await db.selectFrom('calls').select(['id', 'at']).where('id', '=', page.before).executeTakeFirst();
    if (!last) throw new SmallfirstError('INPUT_NOT_FOUND', `no call ${page.before}`);
    query = query
      .where('calls.at', '<=', last.at)
      .where((eb) => eb.or([eb('calls.at', '<', last.at), eb.and([eb('calls.at', '=', last.at), eb('calls.id', '<', last.id)])]));
  }
  const rows = await query.execute();
  return rows.map(callOf);
}
