import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadStoreConfig } from '../config/index.ts';
import type { Store } from '../store/index.ts';
import { openStoreToRead } from '../store-location.ts';
import type { CommandIo } from './io.ts';

const USUAL_FILE = 'smallfirst.yaml';

/** Opens the record that a command looks at: where the config's `store:` says, else in the data directory. */
export async function openRecord(options: { readonly data: string; readonly config?: string }, io: CommandIo): Promise<Store> {
  const file = options.config ?? (existsSync(resolve(io.cwd, USUAL_FILE)) ? USUAL_FILE : null);
  const store = file === null ? null : await loadStoreConfig(resolve(io.cwd, file), io.env);
  return openStoreToRead(resolve(io.cwd, options.data), store);
}
