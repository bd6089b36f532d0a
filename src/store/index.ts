export { openDataDir } from './data-dir.ts';
export { openPostgresStore, openSqliteStore } from './open.ts';
export type * from './types.ts';
