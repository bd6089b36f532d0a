import type { StoreConfig } from './config/index.ts';
import { openDataDir, openStore, type Store, type StoreLocation } from './store/index.ts';

/** Where the record is: the PostgreSQL database that a config names, else the SQLite file of a data directory. */
export function storeLocation(store: StoreConfig | null, database: string): StoreLocation {
  if (store === null) return { kind: 'sqlite', path: database };
  return { kind: 'postgres', url: store.url, ...(store.schema === null ? {} : { schema: store.schema }) };
}

/**
 * Opens a record to look only; another process may own it meanwhile. Throws INPUT_NOT_FOUND where it is a data directory that is not
 * there, STORE_UNAVAILABLE where it cannot be reached.
 */
export async function openStoreToRead(dataDir: string, store: StoreConfig | null = null): Promise<Store> {
  const database = store === null ? (await openDataDir(dataDir, { readOnly: true })).database : '';
  return openStore(storeLocation(store, database), { readOnly: true, maxConnections: 2 });
}

/**
 * Opens a record to write to it; `close` lets go of everything. Throws DATA_DIR_LOCKED where it is a data directory that another process
 * owns; any number of processes may write to a PostgreSQL database.
 */
export async function openStoreToWrite(dataDir: string, store: StoreConfig | null = null): Promise<Store> {
  if (store !== null) return openStore(storeLocation(store, ''), { maxConnections: 4 });
  const directory = await openDataDir(dataDir);
  const opened = await openStore(storeLocation(null, directory.database)).catch(async (error: unknown) => {
    await directory.release();
    throw error;
  });
  return {
    ...opened,
    close: async () => {
      await opened.close();
      await directory.release();
    },
  };
}
