import { type Kysely, sql, type Transaction } from 'kysely';
import { SmallfirstError } from '../../core/index.ts';
import type { Tables } from '../sql/tables.ts';
import { initial } from './0001-initial.ts';
import { feedback } from './0002-feedback.ts';
import { templates } from './0003-templates.ts';
import { taskLife } from './0004-task-life.ts';
import { bulkWork } from './0005-bulk-work.ts';
import type { Dialect, Migration } from './migration.ts';

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [initial, feedback, templates, taskLife, bulkWork];

/** The schema that this version writes. */
export const schemaVersion = migrations.length;

/** Any fixed number: every process that migrates one PostgreSQL database waits for the same lock. */
const migrationLock = 7_368_632;

/** Brings the schema up to date in one transaction; does nothing when it is. Throws STORE_SCHEMA_NEWER for a schema of a later version. */
export async function migrate(db: Kysely<Tables>, dialect: Dialect): Promise<void> {
  if (await isCurrent(db, dialect)) return;
  await db.transaction().execute(async (transaction) => {
    if (dialect === 'postgres') await lockMigrations(transaction);
    await sql`create table if not exists schema_version (version integer primary key, name text not null)`.execute(transaction);
    const found = await readVersion(transaction);
    for (const migration of migrations) {
      if (migration.version <= found) continue;
      for (const statement of migration.statements(dialect)) await sql.raw(statement).execute(transaction);
      await transaction.insertInto('schema_version').values({ version: migration.version, name: migration.name }).execute();
    }
  });
}

/** PostgreSQL only: one process at a time changes the schema of a database. Held until the transaction ends. */
export async function lockMigrations(transaction: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(transaction);
}

/** For a reader, which may not migrate: throws unless the schema is the one that this version knows. */
export async function requireCurrent(db: Kysely<Tables>, dialect: Dialect): Promise<void> {
  if (await isCurrent(db, dialect)) return;
  throw new SmallfirstError(
    'STORE_UNAVAILABLE',
    `the database has an older schema than ${schemaVersion}: open it once for writing, which migrates it`,
  );
}

async function isCurrent(db: Kysely<Tables>, dialect: Dialect): Promise<boolean> {
  const there =
    dialect === 'sqlite'
      ? sql<{ n: number }>`select count(*) as n from sqlite_master where type = 'table' and name = 'schema_version'`
      : sql<{ n: number }>`select count(*) as n from pg_tables where schemaname = current_schema() and tablename = 'schema_version'`;
  const { rows } = await there.execute(db);
  return rows[0]?.n === 1 && (await readVersion(db)) === schemaVersion;
}

async function readVersion(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('schema_version')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirst();
  const version = row?.version ?? 0;
  if (version > schemaVersion) {
    throw new SmallfirstError('STORE_SCHEMA_NEWER', `the database has schema ${version}, this smallfirst knows up to ${schemaVersion}`);
  }
  return version;
}
