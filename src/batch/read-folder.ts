import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_LINE } from './read-lines.ts';
import type { RawRow } from './types.ts';

/** A file of a folder, by its path within it. */
export interface FolderFile {
  readonly id: string;
  readonly path: string;
}

/** Every file below a folder, in an order that depends on the names alone, so that a job that goes on finds the same. Hidden ones are left out. */
export async function* filesOf(folder: string, within = ''): AsyncGenerator<FolderFile> {
  const entries: { readonly name: string; readonly isFolder: boolean }[] = [];
  for await (const entry of await opendir(folder)) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isFile() || entry.isDirectory()) entries.push({ name: entry.name, isFolder: entry.isDirectory() });
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, isFolder } of entries) {
    const [id, path] = [`${within}${name}`, join(folder, name)];
    if (isFolder) yield* filesOf(path, `${id}/`);
    else yield { id, path };
  }
}

/** Each file is a row: its text, and its path in the folder as id. One that cannot be read has a problem. */
export async function* folderRows(folder: string): AsyncGenerator<readonly RawRow[]> {
  for await (const { id, path } of filesOf(folder)) yield [{ line: null, ...(await textOf(id, path)) }];
}

async function textOf(id: string, path: string): Promise<Pick<RawRow, 'value' | 'problem'>> {
  try {
    if ((await stat(path)).size > MAX_LINE) return { value: { id }, problem: `${id} is longer than ${MAX_LINE} bytes` };
    return { value: { id, text: await readFile(path, 'utf8') }, problem: null };
  } catch (error) {
    return { value: { id }, problem: `${id} cannot be read: ${(error as Error).message}` };
  }
}
