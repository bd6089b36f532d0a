import { resolve } from 'node:path';
import { type Config, loadStoreConfig, type StoreConfig } from '../../config/index.ts';
import { SmallfirstError } from '../../core/index.ts';
import { openWorkStore, type WorkJob, type WorkStore } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';

/** The database that workers share. Throws USAGE where the config names none: a SQLite file belongs to one machine. */
export async function openWork(store: Config['store'], maxConnections = 4): Promise<WorkStore> {
  if (store === null) {
    throw new SmallfirstError('USAGE', 'Workers share a PostgreSQL database: name it in the config by `store: { url: postgres://… }`.');
  }
  const { url, schema } = store;
  return openWorkStore(url, { maxConnections, ...(schema === null ? {} : { schema }) });
}

/** Does something with the jobs of a config, and lets go of the database. */
export async function withWork<T>(options: { readonly config: string }, io: CommandIo, work: (store: WorkStore) => Promise<T>): Promise<T> {
  const found: StoreConfig | null = await loadStoreConfig(resolve(io.cwd, options.config), io.env);
  const store = await openWork(found, 2);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** A job. Throws INPUT_NOT_FOUND without it. */
export async function jobNamed(store: WorkStore, id: string): Promise<WorkJob> {
  const job = await store.find(id);
  if (job === null) throw new SmallfirstError('INPUT_NOT_FOUND', `There is no job ${id}; \`smallfirst jobs list\` shows what there is.`);
  return job;
}
