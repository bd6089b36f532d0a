import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataDir } from './data-dir.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-data-dir-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a data directory', () => {
  it('is made with the folders above it, for its owner only, and opened again where it is', async () => {
    const path = join(folder, 'a', 'b', 'c');
    await (await openDataDir(path)).release();
    await (await openDataDir(path)).release();
    const modes = await Promise.all(['a', 'a/b', 'a/b/c'].map(async (name) => (await stat(join(folder, name))).mode & 0o777));
    expect(modes).toEqual([0o700, 0o700, 0o700]);
  });

  it('is refused where a file stands in its way', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const refused = { code: 'STORE_UNAVAILABLE' };
    await expect(openDataDir(file)).rejects.toMatchObject(refused);
    await expect(openDataDir(join(file, 'a', 'b'))).rejects.toMatchObject(refused);
  });

  it.skipIf(process.platform !== 'linux')('is refused, at once, where a file system takes no folders', async () => {
    const refused = { code: 'STORE_UNAVAILABLE', message: 'cannot make the data directory /proc/nope/deeper' };
    await expect(openDataDir('/proc/nope/deeper')).rejects.toMatchObject(refused);
  });
});
