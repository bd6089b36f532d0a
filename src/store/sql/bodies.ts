import type { Kysely } from 'kysely';
import type { BodyStore } from '../types.ts';
import type { Tables } from './tables.ts';
import { chunks, requireCount } from './values.ts';

/** Bodies over SQL, as bytes: a NUL inside a text would end it in SQLite and be refused by PostgreSQL. */
export function sqlBodyStore(db: Kysely<Tables>): BodyStore {
  return {
    put: async (bodies) => {
      const unique = new Map(
        [...bodies]
          .sort((a, b) => (a.hash === b.hash ? a.at - b.at : a.hash < b.hash ? -1 : 1))
          .map(({ hash, at, body }) => [hash, { hash, at: requireCount(at, `body ${hash}: at`), body: Buffer.from(body, 'utf8') }]),
      );
      if (unique.size === 0) return;
      await db.transaction().execute(async (transaction) => {
        for (const rows of chunks([...unique.values()], 200)) {
          await transaction
            .insertInto('bodies')
            .values([...rows])
            .onConflict((conflict) =>
              conflict
                .column('hash')
                .doUpdateSet((eb) => ({ at: eb.ref('excluded.at') }))
                .whereRef('bodies.at', '<', 'excluded.at'),
            )
            .execute();
        }
      });
    },
    get: async (hash) => {
      const row = await db.selectFrom('bodies').select('body').where('hash', '=', hash).executeTakeFirst();
      return row ? Buffer.from(row.body).toString('utf8') : null;
    },
    prune: async (before) => {
      const result = await db.deleteFrom('bodies').where('at', '<', before).executeTakeFirst();
      return Number(result.numDeletedRows);
    },
  };
}
