import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Classifier, checksumOf, parseClassifier } from '../classifier/index.ts';
import { SmallfirstError } from '../core/index.ts';
import { classifierStudent } from './classifier-student.ts';
import type { Student, StudentCard } from './types.ts';

export const CARD_FILE = 'student.json';
export const MODEL_FILE = 'model.bin';

/** Loads a student from its folder. Throws STUDENT_FILE_INVALID when a file is missing, foreign, damaged or does not belong to the other. */
export async function loadStudent(folder: string): Promise<Student> {
  const card = parseCard(await readPart(folder, CARD_FILE));
  const bytes = await readPart(folder, MODEL_FILE);
  const classifier = new Classifier(parseClassifier(bytes).model);
  const checksum = checksumOf(bytes);
  if (card.model.sha256 !== checksum) throw damaged(`${CARD_FILE} and ${MODEL_FILE} in ${folder} do not belong together`);
  return classifierStudent(card, `sha256:${checksum}`, classifier);
}

/** Throws USAGE when the folder holds something that is not a student: it will not be replaced. */
export async function checkReplaceable(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found) return;
  if (!found.isDirectory()) throw new SmallfirstError('USAGE', `${folder} is a file; name a folder to write the student to`);
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes(CARD_FILE))
    throw new SmallfirstError('USAGE', `${folder} holds files but no student; name an empty or a new folder`);
}

/**
 * Writes a student's folder whole or not at all: into a folder beside it, then renamed into place. An earlier student there is
 * moved aside first and comes back when the rename fails.
 */
export async function saveStudent(folder: string, card: StudentCard, model: Uint8Array): Promise<void> {
  const target = resolve(folder);
  await checkReplaceable(target);
  await writing(target, () => replaceFolder(target, card, model));
}

async function replaceFolder(target: string, card: StudentCard, model: Uint8Array): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  // Not mkdtemp, whose folder only its owner could read.
  const fresh = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  await mkdir(fresh);
  const aside = `${fresh}.old`;
  try {
    await writeSynced(join(fresh, MODEL_FILE), model);
    await writeSynced(join(fresh, CARD_FILE), `${JSON.stringify(card, null, 2)}\n`);
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

async function readPart(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    throw new SmallfirstError('STUDENT_FILE_INVALID', `${folder} holds no readable ${name}`, { cause });
  }
}

function parseCard(bytes: Buffer): StudentCard {
  let card: Partial<StudentCard> | null = null;
  try {
    card = JSON.parse(bytes.toString('utf8')) as Partial<StudentCard> | null;
  } catch {
    throw damaged(`${CARD_FILE} is not JSON`);
  }
  if (card?.format !== 'smallfirst-student') throw damaged(`${CARD_FILE} is not the card of a student`);
  if (card.version !== 1) throw damaged(`${CARD_FILE} has version ${String(card.version)}; this smallfirst reads 1`);
  if (card.kind !== 'classifier') throw damaged(`this student is of kind ${String(card.kind)}; this smallfirst reads classifiers`);
  if (typeof card.model?.sha256 !== 'string') throw damaged(`${CARD_FILE} names no model`);
  return card as StudentCard;
}

function damaged(message: string): SmallfirstError {
  return new SmallfirstError('STUDENT_FILE_INVALID', message);
}
