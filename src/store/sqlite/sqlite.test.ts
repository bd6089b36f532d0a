import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { storeContract } from '../../../test/contracts/store.ts';
import { openSqliteStore } from '../index.ts';

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-store-'));
});
afterAll(() => rm(folder, { recursive: true }));

storeContract('sqlite in memory', () => openSqliteStore(':memory:'), { histories: 150, rows: 100_000 });
storeContract('sqlite file', () => openSqliteStore(join(folder, `${count++}.db`)), { histories: 20, rows: 20_000 });
