import type { Kysely } from 'kysely';
import { type Json, SmallfirstError } from '../../core/index.ts';
import type { TaskEvent, TaskEventStore } from '../types.ts';
import type { Tables, TaskEventTable } from './tables.ts';
import { chunks, exactInteger, fromJson, plainName, plainText, plainTextOrNull, requireCount, requireLimit, toJson } from './values.ts';

/** Events of tasks over SQL. */
export function sqlTaskEventStore(db: Kysely<Tables>): TaskEventStore {
  return {
    add: async (events) => {
      const rows = [...new Map([...events].reverse().map((event) => [event.id, eventRow(event)])).values()].sort((a, b) =>
        a.id < b.id ? -1 : 1,
      );
      let added = 0;
      if (rows.length === 0) return added;
      await db.transaction().execute(async (transaction) => {
        for (const some of chunks(rows, 200)) {
          const result = await transaction
            .insertInto('task_events')
            .values([...some])
            .onConflict((conflict) => conflict.column('id').doNothing())
            .executeTakeFirst();
          added += Number(result.numInsertedOrUpdatedRows ?? 0n);
        }
      });
      return added;
    },
    list: async ({ task, kinds, since, limit }) => {
      if (kinds?.length === 0) return [];
      let events = db.selectFrom('task_events').selectAll().orderBy('at', 'desc').orderBy('id', 'desc');
      if (task !== undefined) events = events.where('task', '=', plainName(task));
      if (kinds !== undefined) events = events.where('kind', 'in', [...kinds]);
      if (since !== undefined) events = events.where('at', '>=', since);
      if (limit !== undefined) events = events.limit(requireLimit(limit));
      const rows = await events.execute();
      return rows.map(eventOf).reverse();
    },
  };
}

function eventRow(event: TaskEvent): TaskEventTable {
  if (event.id === '') throw new SmallfirstError('INPUT_INVALID', 'an event without an id');
  return {
    id: plainText(event.id),
    task: plainName(event.task),
    at: requireCount(event.at, `event ${event.id}: at`),
    kind: event.kind,
    certificate: plainTextOrNull(event.certificate),
    reason: toJson(event.reason),
    detail: toJson(event.detail),
  };
}

function eventOf(row: TaskEventTable): TaskEvent {
  return {
    id: row.id,
    task: row.task,
    at: exactInteger(row.at),
    kind: row.kind,
    certificate: row.certificate,
    reason: fromJson<string>(row.reason),
    detail: fromJson<Json>(row.detail),
  };
}
