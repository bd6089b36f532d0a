import { existsSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SmallfirstError } from '../core/index.ts';
import { detect, importerOf } from './detect.ts';
import type { Importer } from './import-types.ts';
import { openRows } from './open-rows.ts';
import type { AuditSource } from './types.ts';
import { unwrap } from './unwrap.ts';

/** Rows that are looked at to tell what a file is. */
const PROBE_ROWS = 50;

/** A file and what it is. */
export interface ProbedFile {
  readonly path: string;
  readonly kind: { readonly importer: Importer } | 'store' | 'unknown' | 'empty' | SmallfirstError;
}

/** Finds out what each file is. A folder with our database is our own record, any other stands for the files in it. Throws INPUT_NOT_FOUND for a path that is not there. */
export async function probeFiles(paths: readonly string[], format: AuditSource | undefined): Promise<readonly ProbedFile[]> {
  const files: ProbedFile[] = [];
  for (const path of paths) {
    const found = await stat(path).catch((cause: unknown) => {
      throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${path}`, { position: { file: path }, cause });
    });
    if (!found.isDirectory()) files.push({ path, kind: await probe(path, format) });
    else if (existsSync(join(path, 'smallfirst.db'))) files.push({ path, kind: 'store' });
    else for (const inside of await filesIn(path)) files.push({ path: inside, kind: await probe(inside, format) });
  }
  return files;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (entry.isFile() && !entry.name.startsWith('.')) paths.push(join(entry.parentPath, entry.name));
  }
  return paths.sort();
}

async function probe(path: string, format: AuditSource | undefined): Promise<ProbedFile['kind']> {
  try {
    const given = format === undefined ? null : importerOf(format);
    const rows: unknown[] = [];
    for await (const batch of openRows(path)) {
      for (const row of batch) {
        if (row.problem === null) rows.push(...unwrap(row.value).slice(0, PROBE_ROWS));
        else rows.push(null);
        if (rows.length >= PROBE_ROWS) break;
      }
      if (rows.length > 0) break;
    }
    if (given !== null) return { importer: given };
    if (rows.length === 0) return 'empty';
    const importer = detect(rows.slice(0, PROBE_ROWS));
    return importer === null ? 'unknown' : { importer };
  } catch (error) {
    if (error instanceof SmallfirstError && error.code === 'INPUT_INVALID') return error;
    throw error;
  }
}
