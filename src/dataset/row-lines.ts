import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitLines } from '../core/index.ts';

/** What was written. */
export interface WrittenLines {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Values as JSON Lines, written whole or not at all. No text is ever as long as the file: a million rows are longer than a string may be. */
export async function writeLines(path: string, values: Iterable<object>): Promise<WrittenLines> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomUUID()}`;
  const file = await open(fresh, 'wx', 0o600);
  const hash = createHash('sha256');
  let rows = 0;
  let bytes = 0;
  let pending = '';
  const flush = async (): Promise<void> => {
    const chunk = Buffer.from(pending);
    pending = '';
    hash.update(chunk);
    bytes += chunk.length;
    await file.writeFile(chunk);
  };
  try {
    for (const value of values) {
      pending += `${JSON.stringify(value)}\n`;
      rows += 1;
      if (pending.length > 1 << 20) await flush();
    }
    await flush();
    await file.sync();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  return { rows, bytes, sha256: hash.digest('hex') };
}

/** The values of a file of JSON Lines, and the hash of its bytes. Throws what reading throws, and SyntaxError for a line that is not JSON. */
export async function readLines<T>(path: string): Promise<{ readonly values: readonly T[]; readonly sha256: string }> {
  const hash = createHash('sha256');
  const values: T[] = [];
  const source = createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 });
  const heard = async function* (): AsyncGenerator<string> {
    for await (const piece of source) {
      hash.update(piece as string);
      yield piece as string;
    }
  };
  for await (const line of splitLines(heard())) if (line !== '') values.push(JSON.parse(line) as T);
  return { values, sha256: hash.digest('hex') };
}
