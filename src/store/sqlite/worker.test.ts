import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import { storeContract } from '../../../test/contracts/store.ts';
import { openSqliteStore } from '../index.ts';

const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-worker-'));
  // A worker is compiled code (Node 20 loads no .ts in one): this makes sure that it is the code beside this file, and costs a fraction
  // of a second when it is. Whether all types are right is not the question here, so its exit status is not either.
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']);
});
afterAll(() => rm(folder, { recursive: true }));

storeContract('sqlite in a worker thread', () => openSqliteStore(join(folder, `${count++}.db`), { thread: true }), {
  histories: 5,
  rows: 20_000,
});

describe('the worker of a SQLite store', () => {
  it('throws on opening what opening in this thread would throw', async () => {
    await expect(openSqliteStore(join(folder, 'none.db'), { thread: true, readOnly: true })).rejects.toMatchObject({
      name: 'SmallfirstError',
      code: 'INPUT_NOT_FOUND',
    });
    await expect(openSqliteStore(join(folder, 'no', 'folder.db'), { thread: true })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('closes after what is under way, closes once, and refuses what comes later', async () => {
    const path = join(folder, 'close.db');
    const store = await openSqliteStore(path, { thread: true });
    const under = store.calls.append(Array.from({ length: 2_000 }, () => aCall()));
    await Promise.all([store.close(), store.close()]);
    expect(await under).toBe(2_000);
    await expect(store.calls.bill(january, [])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const again = await openSqliteStore(path);
    expect(await again.calls.bill(january, [])).toMatchObject([{ calls: 2_000 }]);
    await again.close();
  });

  it('leaves this thread free while it writes', async () => {
    const store = await openSqliteStore(join(folder, 'free.db'), { thread: true });
    let turns = 0;
    let writing = true;
    const turn = () => {
      turns++;
      if (writing) setImmediate(turn);
    };
    const write = store.calls.append(Array.from({ length: 20_000 }, () => aCall()));
    setImmediate(turn);
    await write;
    writing = false;
    // A statement in this thread would let none happen; how many do depends on the machine.
    expect(turns).toBeGreaterThan(10);
    await store.close();
  });
});
