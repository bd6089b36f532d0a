import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SmallfirstError } from '../../core/index.ts';

const FILE = 'task-names.json';
const names = z.record(z.string().regex(/^[0-9a-f]{8,64}$/), z.string().min(1));

/** Names that were given to templates, by the beginning of their fingerprints. */
export type TaskNames = Readonly<Record<string, string>>;

/** The names kept in a data directory; none where there is no such file. Throws INPUT_INVALID for a file that is not ours. */
export async function readTaskNames(folder: string): Promise<TaskNames> {
  const file = join(folder, FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return names.parse(JSON.parse(text));
  } catch (cause) {
    throw new SmallfirstError('INPUT_INVALID', 'this is no list of task names', { position: { file }, cause });
  }
}

/** The name that was given to one of some ids or fingerprints, by its beginning; null for none. */
export function nameGiven(hashes: readonly string[], given: TaskNames): string | null {
  for (const [key, name] of Object.entries(given)) if (hashes.some((hash) => hash.startsWith(key))) return name;
  return null;
}

/** Writes the names, whole or not at all. */
export async function writeTaskNames(folder: string, given: TaskNames): Promise<void> {
  const file = join(folder, FILE);
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify(given, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.${process.pid}`, file);
}
