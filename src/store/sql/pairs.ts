import type { Kysely } from 'kysely';
import type { PairStore, StoredPair } from '../types.ts';
import type { PairTable, Tables } from './tables.ts';
import {
  chunks,
  exactInteger,
  exactMoney,
  fromJson,
  plainName,
  plainNameOrNull,
  plainText,
  requireCount,
  requireFinite,
  requireMoney,
  toJson,
} from './values.ts';

/** Pairs over SQL. */
export function sqlPairStore(db: Kysely<Tables>): PairStore {
  const matching = (query: { readonly task: string; readonly small: string; readonly big: string }) =>
    db
      .selectFrom('pairs')
      .where('task', '=', plainName(query.task))
      .where('small', '=', plainName(query.small))
      .where('big', '=', plainName(query.big));
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
    list: async (query) => {
      const all = matching(query).selectAll().orderBy('at').orderBy('id');
      const rows = await (query.since === undefined ? all : all.where('at', '>=', query.since)).execute();
      return rows.map(pairOf);
    },
    count: async (query) => {
      const row = await matching(query)
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .executeTakeFirst();
      return exactInteger(row?.n ?? 0);
    },
  };
}

function byKey(a: PairTable, b: PairTable): number {
  for (const column of ['task', 'small', 'big', 'id'] as const) {
    if (a[column] !== b[column]) return a[column] < b[column] ? -1 : 1;
  }
  return 0;
}

function pairRow(pair: StoredPair): PairTable {
  const name = (member: string) => `pair ${pair.id}: ${member}`;
  return {
    task: plainName(pair.task),
    small: plainName(pair.small),
    big: plainName(pair.big),
    id: plainText(pair.id),
    at: requireCount(pair.at, name('at')),
    drawn: pair.drawn,
    inclusion: requireFinite(pair.inclusion, name('inclusion'))!,
    cluster_name: plainNameOrNull(pair.cluster),
    small_quality: requireFinite(pair.smallQuality, name('smallQuality'))!,
    big_quality: requireFinite(pair.bigQuality, name('bigQuality'))!,
    confidence: requireFinite(pair.confidence, name('confidence')),
    signals: toJson(pair.signals),
    small_cost: requireMoney(pair.smallCost, name('smallCost')),
    big_cost: requireMoney(pair.bigCost, name('bigCost')),
    small_latency_ms: requireFinite(pair.smallLatencyMs, name('smallLatencyMs')),
    big_latency_ms: requireFinite(pair.bigLatencyMs, name('bigLatencyMs')),
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
  };
}
