import { existsSync } from 'node:fs';
import { Kysely, SqliteDialect } from 'kysely';
import { SmallfirstError } from '../../core/index.ts';
import { migrate, requireCurrent } from '../migrations/migrate.ts';
import { sqlStore } from '../sql/store.ts';
import type { Tables } from '../sql/tables.ts';
import type { Store } from '../types.ts';
import { SqliteCallWriter } from './call-writer.ts';
import { SqliteConnection } from './connection.ts';

/** How a SQLite file is opened in this thread. */
export interface SqliteFileOptions {
  /** Opens a file that is there, beside its owner, and refuses to write. */
  readonly readOnly?: boolean;
  /** How long a statement waits for a lock of another process. */
  readonly busyTimeoutMs?: number;
  /** Pages that are kept in memory, in MiB; it fills as the file grows. 32 by default. */
  readonly cacheMib?: number;
}

/** Opens (and makes and migrates) a SQLite file in this thread; every statement blocks it. `:memory:` lives until it is closed. */
export async function openSqliteInThread(path: string, options: SqliteFileOptions): Promise<Store> {
  const readOnly = options.readOnly ?? false;
  if (readOnly && !existsSync(path)) throw new SmallfirstError('INPUT_NOT_FOUND', `no database at ${path}`);
  const connection = connect(path, options);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) });
  try {
    await (readOnly ? requireCurrent(db, 'sqlite') : migrate(db, 'sqlite'));
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return sqlStore(db, {
    writer: new SqliteCallWriter(db, connection),
    // With synchronous=normal a commit is in the log file but perhaps not on the disk yet; a checkpoint syncs the log first.
    flush: () => db.connection().execute(async () => void connection.prepare('pragma wal_checkpoint(passive)').all([])),
  });
}

function connect(path: string, { readOnly = false, busyTimeoutMs = 10_000, cacheMib = 32 }: SqliteFileOptions): SqliteConnection {
  const connection = new SqliteConnection(path, busyTimeoutMs);
  const pragmas = readOnly
    ? [`busy_timeout = ${busyTimeoutMs}`, 'query_only = on']
    : [
        `busy_timeout = ${busyTimeoutMs}`,
        'journal_mode = wal',
        'synchronous = normal',
        'foreign_keys = on',
        `cache_size = -${cacheMib * 1000}`,
        'temp_store = memory',
        `journal_size_limit = ${64 * 1024 * 1024}`,
      ];
  try {
    for (const pragma of pragmas) connection.prepare(`pragma ${pragma}`).all([]);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}
