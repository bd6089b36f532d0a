import type { PostgresOptions } from './postgres/store.ts';
import type { SqliteFileOptions } from './sqlite/store.ts';
import type { Store } from './types.ts';
import type { WorkStore } from './work-types.ts';

/** How a SQLite store is opened. */
export interface SqliteOptions extends SqliteFileOptions {
  /** Runs the database in a worker thread, so that no statement blocks this one. */
  readonly thread?: boolean;
}

/**
 * Opens a store in a SQLite file, or in memory for `:memory:`; makes it and brings its schema up to date.
 * One process owns a file (`openDataDir`); others may read it meanwhile with `readOnly`.
 * Throws INPUT_NOT_FOUND (read-only, no file), STORE_SCHEMA_NEWER, STORE_UNAVAILABLE.
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  if (options.thread) {
    const { openSqliteWorker } = await import('./sqlite/client.ts');
    return openSqliteWorker(path, options);
  }
  const { openSqliteInThread } = await import('./sqlite/store.ts');
  return openSqliteInThread(path, options);
}

/**
 * Opens a store in PostgreSQL (15 or later) by URL and brings its schema up to date. Needs the optional package `pg`.
 * Throws STORE_UNAVAILABLE (no package, no server), STORE_SCHEMA_NEWER.
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<Store> {
  const { openPostgres } = await import('./postgres/store.ts');
  return openPostgres(url, options);
}

/**
 * Opens the bulk work that is kept in PostgreSQL beside the record, and brings the schema up to date. Throws what `openPostgresStore`
 * throws.
 */
export async function openWorkStore(url: string, options: PostgresOptions = {}): Promise<WorkStore> {
  const { openPostgresWork } = await import('./postgres/work-store.ts');
  return openPostgresWork(url, options);
}
