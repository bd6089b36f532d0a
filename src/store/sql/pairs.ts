import type { Kysely } from 'kysely';
import { SmallfirstError } from '../../core/index.ts';
import type { PairQuery, PairStore, StoredPair } from '../types.ts';
import type { PairTable, Tables } from './tables.ts';
import {
  chunks,
  exactInteger,
  exactMoney,
  fromJson,
  jsonOrNull,
  plainName,
  plainNameOrNull,
  plainText,
  plainTextOrNull,
  requireCount,
  requireFinite,
  requireLimit,
  requireMoney,
  textOrNull,
  toJson,
} from './values.ts';

/** Pairs over SQL. */
export function sqlPairStore(db: Kysely<Tables>): PairStore {
  return {
    append: async (pairs) => {
      const rows = pairs.map(pairRow).sort(byKey);
      let added = 0;
      await db.transaction().execute(async (transaction) => {
        for (const some of chunks(rows, 200)) {
          const result = await transaction
            .insertInto('pairs')
            .values([...some])
            .onConflict((conflict) => conflict.columns(['task', 'small', 'big', 'id']).doNothing())
            .executeTakeFirst();
          added += Number(result.numInsertedOrUpdatedRows ?? 0n);
        }
      });
      return added;
    },
    list: async ({ limit, ...query }) => {
      const all = matching(db, query).selectAll().orderBy('at').orderBy('id').orderBy('small').orderBy('big');
      const rows = await (limit === undefined ? all : all.limit(requireLimit(limit))).execute();
      return rows.map(pairOf);
    },
    count: async (query) => {
      const row = await matching(db, query)
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .executeTakeFirst();
      return exactInteger(row?.n ?? 0);
    },
  };
}

function matching(db: Kysely<Tables>, query: PairQuery) {
  let pairs = db.selectFrom('pairs').where('task', '=', plainName(query.task));
  if (query.small !== undefined) pairs = pairs.where('small', '=', plainName(query.small));
  if (query.big !== undefined) pairs = pairs.where('big', '=', plainName(query.big));
  if (query.since !== undefined) pairs = pairs.where('at', '>=', query.since);
  if (query.until !== undefined) pairs = pairs.where('at', '<', query.until);
  if (query.drawn !== undefined) pairs = pairs.where('drawn', '=', query.drawn);
  if (query.certificate !== undefined) pairs = pairs.where('certificate', '=', plainText(query.certificate));
  return pairs;
}

function byKey(a: PairTable, b: PairTable): number {
  for (const column of ['task', 'small', 'big', 'id'] as const) {
    if (a[column] !== b[column]) return a[column] < b[column] ? -1 : 1;
  }
  return 0;
}

function pairRow(pair: StoredPair): PairTable {
  const name = (member: string) => `pair ${pair.id}: ${member}`;
  if (pair.id === '') throw new SmallfirstError('INPUT_INVALID', 'a pair without an id');
  if (!(pair.inclusion > 0 && pair.inclusion <= 1)) {
    throw new SmallfirstError('INPUT_INVALID', `${name('inclusion')} is not in (0, 1]: ${pair.inclusion}`);
  }
  return {
    task: plainName(pair.task),
    small: plainName(pair.small),
    big: plainName(pair.big),
    id: plainText(pair.id),
    at: requireCount(pair.at, name('at')),
    drawn: pair.drawn,
    inclusion: pair.inclusion,
    cluster_name: plainNameOrNull(pair.cluster),
    small_quality: requireFinite(pair.smallQuality, name('smallQuality'))!,
    big_quality: requireFinite(pair.bigQuality, name('bigQuality'))!,
    confidence: requireFinite(pair.confidence, name('confidence')),
    signals: toJson(pair.signals),
    small_cost: requireMoney(pair.smallCost, name('smallCost')),
    big_cost: requireMoney(pair.bigCost, name('bigCost')),
    small_latency_ms: requireFinite(pair.smallLatencyMs, name('smallLatencyMs')),
    big_latency_ms: requireFinite(pair.bigLatencyMs, name('bigLatencyMs')),
    request_id: plainTextOrNull(pair.requestId),
    certificate: plainTextOrNull(pair.certificate),
    prompt: plainTextOrNull(pair.prompt),
    served_small: plainNameOrNull(pair.servedSmall),
    served_big: plainNameOrNull(pair.servedBig),
    input: jsonOrNull(pair.input),
    small_output: jsonOrNull(pair.smallOutput),
    big_output: jsonOrNull(pair.bigOutput),
    judged_by: plainName(pair.by),
    skip: pair.skip ? 1 : 0,
  };
}

function pairOf(row: PairTable): StoredPair {
  return {
    id: row.id,
    task: row.task,
    small: row.small,
    big: row.big,
    at: exactInteger(row.at),
    drawn: row.drawn,
    inclusion: row.inclusion,
    cluster: row.cluster_name,
    smallQuality: row.small_quality,
    bigQuality: row.big_quality,
    confidence: row.confidence,
    signals: fromJson<StoredPair['signals']>(row.signals),
    smallCost: exactMoney(row.small_cost),
    bigCost: exactMoney(row.big_cost),
    smallLatencyMs: row.small_latency_ms,
    bigLatencyMs: row.big_latency_ms,
    requestId: row.request_id,
    certificate: row.certificate,
    prompt: row.prompt,
    servedSmall: row.served_small,
    servedBig: row.served_big,
    input: textOrNull(row.input),
    smallOutput: textOrNull(row.small_output),
    bigOutput: textOrNull(row.big_output),
    by: row.judged_by,
    skip: exactInteger(row.skip) === 1,
  };
}
