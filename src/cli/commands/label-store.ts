import { resolve } from 'node:path';
import type { StoreConfig } from '../../config/index.ts';
import { SmallfirstError } from '../../core/index.ts';
import { openDataDir, openStore, type Store } from '../../store/index.ts';
import { openStoreToRead, openStoreToWrite, storeLocation } from '../../store-location.ts';

/** The part of a store that labelling reads and writes. */
export type LabelStore = Pick<Store, 'pairs' | 'feedback' | 'calls' | 'close'>;

/**
 * Opens a record to label it. Where a gateway owns the data directory, beside it: a label is one row in one transaction, which the
 * database keeps apart from the owner's. Throws INPUT_NOT_FOUND for a directory that is not there, STORE_SCHEMA_NEWER for one of another version.
 */
export async function openStoreToLabel(dataDir: string, store: StoreConfig | null): Promise<LabelStore> {
  if (store !== null) return openStoreToWrite(dataDir, store);
  // Refuses a schema that is not this version's: a directory that another process owns must not be migrated under it.
  const reader = await openStoreToRead(dataDir);
  try {
    return await openStoreToWrite(dataDir);
  } catch (error) {
    if (!(error instanceof SmallfirstError && error.code === 'DATA_DIR_LOCKED')) throw error;
    const { database } = await openDataDir(resolve(dataDir), { readOnly: true });
    return await openStore(storeLocation(null, database));
  } finally {
    await reader.close();
  }
}
