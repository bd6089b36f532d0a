import { Kysely, PostgresDialect, sql } from 'kysely';
import { SmallfirstError } from '../../core/index.ts';
import { lockMigrations, migrate, requireCurrent } from '../migrations/migrate.ts';
import { sqlStore } from '../sql/store.ts';
import type { Tables } from '../sql/tables.ts';
import type { Store } from '../types.ts';
import { PostgresCallWriter } from './call-writer.ts';
import { openPool } from './pool.ts';

/** How a PostgreSQL store is opened. */
export interface PostgresOptions {
  /** Schema that holds our tables, made if it is not there; without it, what the server's search path says. */
  readonly schema?: string;
  /** Connections at most; 10 unless told otherwise. */
  readonly maxConnections?: number;
  /** Opens a schema that is there and up to date, and refuses to write. */
  readonly readOnly?: boolean;
  /** How long an answer is waited for before its connection is given up with STORE_UNAVAILABLE; for ever unless told otherwise. */
  readonly queryTimeoutMs?: number;
}

/** Opens (and makes and migrates) a store in PostgreSQL. */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Store> {
  const schema = options.schema ?? null;
  if (schema !== null && !/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new SmallfirstError('CONFIG_INVALID', `not a name for a schema (a-z, 0-9 and _): ${schema}`);
  }
  const { maxConnections = 10, readOnly = false, queryTimeoutMs = null } = options;
  const pool = await openPool({ url, maxConnections, schema, readOnly, queryTimeoutMs });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    if (readOnly) await requireCurrent(db, 'postgres');
    else {
      if (schema !== null) await createSchema(db, schema);
      await migrate(db, 'postgres');
    }
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return sqlStore(db, {
    writer: new PostgresCallWriter(db),
    // A commit is on the server's disk before it is answered.
    flush: async () => {},
  });
}

/**
 * Makes a schema that is not there. Asking first lets a user without the right to make one use one that is there, and `if not exists`
 * alone does not keep two processes that start at once from colliding.
 */
async function createSchema(db: Kysely<Tables>, schema: string): Promise<void> {
  const there = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(db);
  if (there.rows.length > 0) return;
  await db.transaction().execute(async (transaction) => {
    await lockMigrations(transaction);
    await sql`create schema if not exists ${sql.ref(schema)}`.execute(transaction);
  });
}
