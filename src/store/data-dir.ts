import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SmallfirstError } from '../core/index.ts';

/** A data directory that is open. */
export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** Where its SQLite file is. */
  readonly database: string;
  /** Lets another process own it. Does nothing for a reader. */
  release(): Promise<void>;
}

/** How a data directory is opened. */
export interface DataDirOptions {
  /** Only looks: takes no lock, makes nothing, and may look while another process owns it. */
  readonly readOnly?: boolean;
  /** Makes no SQLite file: the record is kept elsewhere. */
  readonly withoutDatabase?: boolean;
}

/**
 * Opens a data directory and makes it, readable by its owner only, if it is not there. One process owns it at a time: the lock goes with
 * the process, so after a crash the next one takes over at once. Throws DATA_DIR_LOCKED, naming the owner's process id,
 * INPUT_NOT_FOUND for a reader without a directory, or STORE_UNAVAILABLE when it cannot be made.
 */
export async function openDataDir(dir: string, options: DataDirOptions = {}): Promise<DataDir> {
  const path = resolve(dir);
  const database = join(path, 'smallfirst.db');
  if (options.readOnly) {
    if (!existsSync(path)) throw new SmallfirstError('INPUT_NOT_FOUND', `no data directory at ${dir}`);
    return { path, database, release: async () => {} };
  }
  await makeFolder(path).catch((cause: unknown) => {
    throw new SmallfirstError('STORE_UNAVAILABLE', `cannot make the data directory ${dir}`, { cause });
  });
  const { lockFile } = await import('./sqlite/file-lock.ts');
  const lock = lockFile(join(path, 'owner.lock'));
  const pidFile = join(path, 'owner.pid');
  if (!lock) throw new SmallfirstError('DATA_DIR_LOCKED', `${dir} is owned by ${await ownerOf(pidFile)}`);
  // Only for people and for the message above; the lock itself does not depend on it.
  await writeFile(`${pidFile}.new`, `${process.pid}\n`, { mode: 0o600 });
  await rename(`${pidFile}.new`, pidFile);
  // Prompts may be kept in it: readable by its owner only, even in a directory that was there and is not. SQLite's other files follow it.
  if (!options.withoutDatabase) await (await open(database, 'a', 0o600)).close();
  let released = false;
  return {
    path,
    database,
    release: async () => {
      if (released) return;
      released = true;
      await rm(pidFile, { force: true });
      lock.release();
    },
  };
}

async function ownerOf(pidFile: string): Promise<string> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = text.trim();
  return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
}

/** Makes a folder and those above it. Not by `recursive`, which never ends where a folder that exists takes none, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  const cause = await made(path);
  if (cause === null) return;
  const above = dirname(path);
  if (cause.code !== 'ENOENT' || above === path) throw cause;
  await makeFolder(above);
  const again = await made(path);
  if (again !== null) throw again;
}

/** Makes one folder, if it is not there; why it could not be made, null when it is there. */
async function made(path: string): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(path, { mode: 0o700 });
    return null;
  } catch (cause) {
    // What else a system says of a folder that is there (read-only, a root) does not matter.
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? null : (cause as NodeJS.ErrnoException);
  }
}
