export { openDataDir } from './data-dir.ts';
export { openStore, requireDriver, type StoreLocation } from './location.ts';
export { openPostgresStore, openSqliteStore, openWorkStore } from './open.ts';
export type * from './types.ts';
export type * from './work-types.ts';
