export { type DataDir, type DataDirOptions, openDataDir } from './data-dir.ts';
export { openPostgresStore, openSqliteStore, type SqliteOptions } from './open.ts';
export type { PostgresOptions } from './postgres/store.ts';
export type * from './types.ts';
