import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import { CARD_FILE } from './card.ts';

/** Throws USAGE when the folder holds something that is not a student: it will not be replaced. */
export async function checkReplaceable(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found) return;
  if (!found.isDirectory()) throw new SmallfirstError('USAGE', `${folder} is a file; name a folder to write the student to`);
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes(CARD_FILE))
    throw new SmallfirstError('USAGE', `${folder} holds files but no student; name an empty or a new folder`);
}

/** What a student's folder holds, by file name. */
export type FolderFiles = ReadonlyMap<string, string | Uint8Array>;

/**
 * Writes a student's folder whole or not at all: into a folder beside it, then renamed into place. An earlier student there is
 * moved aside first and comes back when the rename fails.
 */
export async function saveFolder(folder: string, files: FolderFiles): Promise<void> {
  const target = resolve(folder);
  await checkReplaceable(target);
  await writing(target, () => replaceFolder(target, files));
}

async function replaceFolder(target: string, files: FolderFiles): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  // Not mkdtemp, whose folder only its owner could read.
  const fresh = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  await mkdir(fresh);
  const aside = `${fresh}.old`;
  try {
    for (const [name, content] of files) await writeSynced(join(fresh, name), content);
    const replaced = await moved(target, aside);
    try {
      await rename(fresh, target);
    } catch (error) {
      if (replaced) await rename(aside, target);
      throw error;
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await rm(aside, { recursive: true, force: true });
}

/** Writes a file whole or not at all, by renaming a finished one into place. Throws USAGE where it may not be written. */
export async function writeAtomically(path: string, content: string): Promise<void> {
  await writing(path, () => replaceFile(path, content));
}

/** Says of a place that cannot be written what is wrong with it, for the person who named it. */
async function writing(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const why = Object.hasOwn(UNWRITABLE, code) ? UNWRITABLE[code] : undefined;
    if (why === undefined) throw cause;
    throw new SmallfirstError('USAGE', `${path} cannot be written: ${why}; name another place`, { cause });
  }
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  EACCES: 'its folder does not allow it',
  EPERM: 'its folder does not allow it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file',
  EISDIR: 'it is a folder',
};

async function replaceFile(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const fresh = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    await writeSynced(fresh, content);
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
