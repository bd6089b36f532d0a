import type { Kysely } from 'kysely';
import { type Call, SmallfirstError } from '../../core/index.ts';
import type { Feedback, FeedbackStore } from '../types.ts';
import { callOf } from './call-row.ts';
import { joined } from './joined-calls.ts';
import { clientPurposes, closingOutcomes } from './rollup.ts';
import type { FeedbackTable, Tables } from './tables.ts';
import {
  chunks,
  exactInteger,
  jsonOrNull,
  plainName,
  plainNameOrNull,
  plainText,
  requireCount,
  requireFinite,
  requireLimit,
  textOrNull,
} from './values.ts';

/** Feedback over SQL. */
export function sqlFeedbackStore(db: Kysely<Tables>): FeedbackStore {
  return {
    append: async (feedback) => {
      const rows = [...new Map(feedback.map((item) => [item.id, feedbackRow(item)])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      let added = 0;
      if (rows.length === 0) return added;
      await db.transaction().execute(async (transaction) => {
        for (const some of chunks(rows, 200)) {
          const result = await transaction
            .insertInto('feedback')
            .values([...some])
            .onConflict((conflict) => conflict.column('id').doNothing())
            .executeTakeFirst();
          added += Number(result.numInsertedOrUpdatedRows ?? 0n);
        }
      });
      return added;
    },
    ofRequest: async (requestId) => {
      const rows = await db
        .selectFrom('feedback')
        .selectAll()
        .where('request_id', '=', plainText(requestId))
        .orderBy('at')
        .orderBy('id')
        .execute();
      return rows.map(feedbackOf);
    },
    list: async (filter, page) => {
      const rows = await listFeedback(db, filter, page);
      const calls = await closingCalls(db, [...new Set(rows.map((row) => row.request_id))]);
      return rows.map((row) => ({ feedback: feedbackOf(row), call: calls.get(row.request_id) ?? null }));
    },
  };
}

async function listFeedback(
  db: Kysely<Tables>,
  filter: Parameters<FeedbackStore['list']>[0],
  page: Parameters<FeedbackStore['list']>[1],
): Promise<FeedbackTable[]> {
  let query = db.selectFrom('feedback').selectAll().orderBy('at', 'desc').orderBy('id', 'desc').limit(requireLimit(page.limit));
  if (filter.since !== undefined) query = query.where('at', '>=', filter.since);
  if (filter.until !== undefined) query = query.where('at', '<', filter.until);
  if (filter.task !== undefined) {
    const task = plainName(filter.task);
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('calls')
          .innerJoin('dimensions', 'dimensions.id', 'calls.dimension_id')
          .select('calls.id')
          .whereRef('calls.request_id', '=', 'feedback.request_id')
          .where('dimensions.task', '=', task)
          .where('dimensions.purpose', 'in', [...clientPurposes])
          .where('dimensions.outcome', 'in', [...closingOutcomes]),
      ),
    );
  }
  if (page.before !== undefined) {
    const last = await db.selectFrom('feedback').select(['id', 'at']).where('id', '=', page.before).executeTakeFirst();
    if (!last) throw new SmallfirstError('INPUT_NOT_FOUND', `no feedback ${page.before}`);
    query = query.where((eb) => eb.or([eb('at', '<', last.at), eb.and([eb('at', '=', last.at), eb('id', '<', last.id)])]));
  }
  return query.execute();
}

/** The last call of each request that the client got. */
async function closingCalls(db: Kysely<Tables>, requestIds: readonly string[]): Promise<ReadonlyMap<string, Call>> {
  const calls = new Map<string, Call>();
  for (const some of chunks(requestIds, 500)) {
    const rows = await joined(db)
      .where('calls.request_id', 'in', [...some])
      .where('dimensions.purpose', 'in', [...clientPurposes])
      .where('dimensions.outcome', 'in', [...closingOutcomes])
      .orderBy('calls.at')
      .orderBy('calls.id')
      .execute();
    for (const row of rows) calls.set(row.request_id, callOf(row));
  }
  return calls;
}

function feedbackRow(feedback: Feedback): FeedbackTable {
  if (feedback.id === '') throw new SmallfirstError('INPUT_INVALID', 'feedback without an id');
  return {
    id: plainText(feedback.id),
    request_id: plainText(feedback.requestId),
    at: requireCount(feedback.at, `feedback ${feedback.id}: at`),
    key: plainNameOrNull(feedback.key),
    label: jsonOrNull(feedback.label),
    score: requireFinite(feedback.score, `feedback ${feedback.id}: score`),
    comment: jsonOrNull(feedback.comment),
  };
}

function feedbackOf(row: FeedbackTable): Feedback {
  return {
    id: row.id,
    requestId: row.request_id,
    at: exactInteger(row.at),
    key: row.key,
    label: textOrNull(row.label),
    score: row.score,
    comment: textOrNull(row.comment),
  };
}
