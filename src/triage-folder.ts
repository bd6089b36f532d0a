import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId, SmallfirstError } from './core/index.ts';
import { parseTriage, serialiseTriage, Triage, type TriageCard, type TriageModel } from './triage/index.ts';

/** The model with its card, checksummed: all that is ever read. */
export const MODEL_FILE = 'triage.bin';
/** The card again, for people. */
export const CARD_FILE = 'triage.json';

/** A router loaded from its folder. */
export interface LoadedTriage {
  readonly triage: Triage;
  readonly card: TriageCard;
  /** `sha256:` and the checksum of the model file: what a certificate pins. */
  readonly version: string;
}

/** Throws TRIAGE_FILE_INVALID when the folder holds no readable router. */
export async function loadTriage(folder: string): Promise<LoadedTriage> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(folder, MODEL_FILE));
  } catch (cause) {
    throw new SmallfirstError('TRIAGE_FILE_INVALID', `${folder} holds no readable ${MODEL_FILE}`, { cause });
  }
  const { model, card, version } = parseTriage(bytes);
  return { triage: new Triage(model), card, version };
}

/** Throws USAGE when the folder holds something that is not a router: it will not be replaced. */
export async function checkReplaceable(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found) return;
  if (!found.isDirectory()) throw new SmallfirstError('USAGE', `${folder} is a file; name a folder to write the router to`);
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes(MODEL_FILE))
    throw new SmallfirstError('USAGE', `${folder} holds files but no triage router; name an empty or a new folder`);
}

/** Writes the folder whole or not at all: beside its place first, then renamed; an earlier router comes back when that fails. Returns the version. */
export async function saveTriage(folder: string, model: TriageModel, card: TriageCard): Promise<string> {
  await checkReplaceable(folder);
  await mkdir(dirname(folder), { recursive: true });
  const fresh = join(dirname(folder), `.${basename(folder)}.${newId()}`);
  const aside = `${fresh}.old`;
  const bytes = serialiseTriage(model, card);
  await mkdir(fresh);
  try {
    await writeFile(join(fresh, MODEL_FILE), bytes, { flush: true });
    await writeFile(join(fresh, CARD_FILE), `${JSON.stringify(card, null, 2)}\n`, { flush: true });
    const replaced = (await stat(folder).catch(() => null)) !== null;
    if (replaced) await rename(folder, aside);
    try {
      await rename(fresh, folder);
    } catch (error) {
      if (replaced) await rename(aside, folder);
      throw error;
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await rm(aside, { recursive: true, force: true });
  return parseTriage(bytes).version;
}
