import type { StoreConfig } from './config/index.ts';
import { SmallfirstError } from './core/index.ts';
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

/** A statement of ours waits so long for the gateway's own, which are short. */
const BESIDE_TIMEOUT_MS = 10_000;

/**
 * Opens a record to write to it, also where a gateway owns the data directory: what a person decides of versions is a few rows, and
 * the database itself keeps their transactions whole, as it does for the gateway's own threads. The spool and the keys stay the owner's.
 */
export async function openStoreBeside(dataDir: string, store: StoreConfig | null = null): Promise<Store> {
  try {
    return await openStoreToWrite(dataDir, store);
  } catch (error) {
    if (!(error instanceof SmallfirstError && error.code === 'DATA_DIR_LOCKED')) throw error;
    const { database } = await openDataDir(dataDir, { readOnly: true });
    return openStore(storeLocation(null, database), { busyTimeoutMs: BESIDE_TIMEOUT_MS });
  }
}
