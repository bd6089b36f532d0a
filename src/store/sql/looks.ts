import type { Kysely } from 'kysely';
import { SmallfirstError } from '../../core/index.ts';
import type { Look, LookStore } from '../types.ts';
import type { LookTable, Tables } from './tables.ts';
import { exactInteger, plainName, plainText, plainTextOrNull, requireCount, requireFinite } from './values.ts';

/** Looks over SQL; that a number is taken once in its series is held by a unique index. */
export function sqlLookStore(db: Kysely<Tables>): LookStore {
  return {
    add: async (look) => {
      const row = lookRow(look);
      const result = await db
        .insertInto('looks')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if ((result.numInsertedOrUpdatedRows ?? 0n) > 0n) return;
      const known = await db.selectFrom('looks').select('id').where('id', '=', row.id).executeTakeFirst();
      if (!known) throw new SmallfirstError('INPUT_INVALID', `look ${look.k} of this series was taken already for task ${look.task}`);
    },
    list: async (query) => {
      let looks = db.selectFrom('looks').selectAll().where('task', '=', plainName(query.task));
      if (query.small !== undefined) looks = looks.where('small', '=', plainName(query.small));
      if (query.big !== undefined) looks = looks.where('big', '=', plainName(query.big));
      if (query.series !== undefined) looks = looks.where('series', '=', plainText(query.series));
      const rows = await looks.orderBy('at').orderBy('k').orderBy('id').execute();
      return rows.map(lookOf);
    },
  };
}

function lookRow(look: Look): LookTable {
  const name = (member: string) => `look ${look.id}: ${member}`;
  if (look.k < 1) throw new SmallfirstError('INPUT_INVALID', `${name('k')} is counted from 1: ${look.k}`);
  return {
    id: plainText(look.id),
    task: plainName(look.task),
    small: plainName(look.small),
    big: plainName(look.big),
    series: plainText(look.series),
    k: requireCount(look.k, name('k')),
    n: requireCount(look.n, name('n')),
    delta: requireFinite(look.delta, name('delta'))!,
    at: requireCount(look.at, name('at')),
    taken_by: look.by,
    method: look.method,
    verdict: look.verdict,
    retained: requireFinite(look.retained, name('retained')),
    lower_bound: requireFinite(look.lowerBound, name('lowerBound')),
    certificate: plainTextOrNull(look.certificate),
  };
}

function lookOf(row: LookTable): Look {
  return {
    id: row.id,
    task: row.task,
    small: row.small,
    big: row.big,
    series: row.series,
    k: exactInteger(row.k),
    n: exactInteger(row.n),
    delta: row.delta,
    at: exactInteger(row.at),
    by: row.taken_by,
    method: row.method,
    verdict: row.verdict,
    retained: row.retained,
    lowerBound: row.lower_bound,
    certificate: row.certificate,
  };
}
