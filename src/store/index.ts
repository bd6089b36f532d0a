export { openDataDir } from './data-dir.ts';
export { type OpenStoreOptions, openStore, requireDriver, type StoreLocation } from './location.ts';
export { openPostgresStore, openSqliteStore } from './open.ts';
export type * from './types.ts';
