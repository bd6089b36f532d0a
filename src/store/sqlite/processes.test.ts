import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import type { Call, NanoUsd } from '../../core/index.ts';
import { openDataDir, openSqliteStore, type Store } from '../index.ts';

const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
const compiled = resolve('dist/store/index.js');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-processes-'));
  // Other processes run compiled code: this makes sure that it is the code beside this file.
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']);
});
afterAll(() => rm(folder, { recursive: true }));

/** A child process that runs a module given as text, with its lines. */
function child(code: string): { readonly process: ChildProcessWithoutNullStreams; readonly lines: AsyncIterator<string> } {
  const started = spawn(process.execPath, ['--input-type=module', '-e', `import * as store from '${compiled}';\n${code}`]);
  started.stderr.pipe(process.stderr);
  return { process: started, lines: createInterface({ input: started.stdout })[Symbol.asyncIterator]() };
}

async function line(lines: AsyncIterator<string>): Promise<string> {
  const next = await lines.next();
  if (next.done) throw new Error('the process ended without another line');
  return next.value;
}

async function everyCall(store: Store): Promise<Call[]> {
  const all: Call[] = [];
  for (;;) {
    const before = all.at(-1)?.id;
    const page = await store.calls.list({}, { limit: 5_000, ...(before === undefined ? {} : { before }) });
    if (page.length === 0) return all;
    all.push(...page);
  }
}

describe('a SQLite file among processes', () => {
  it('holds whole batches and rollups equal to its rows after kill -9 at any moment, and takes the same rows again', async () => {
    const path = join(folder, 'killed.db');
    const size = 1_500;
    const template = JSON.stringify(aCall());
    for (const [round, survive] of [1, 4, 7].entries()) {
      // Batches are written again from the first on, as a spool is read again after a crash.
      const { process: writer, lines } = child(`
        const db = await store.openSqliteStore('${path}');
        for (let batch = 0; ; batch++) {
          const calls = Array.from({ length: ${size} }, (_, i) => ({
            ...${template}, id: batch + '/' + i, at: ${january.from} + i * 60_000, task: 'task ' + (i % 5), cost: batch * 1000 + i,
          }));
          await db.calls.append(calls);
          console.log(batch);
        }`);
      let acknowledged = -1;
      while (acknowledged < survive) acknowledged = Number(await line(lines));
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      // What was acknowledged between the last line read here and the kill.
      for (let next = await lines.next(); !next.done; next = await lines.next()) acknowledged = Number(next.value);

      const store = await openSqliteStore(path);
      const rows = await everyCall(store);
      const batches = new Map<string, number>();
      for (const row of rows) {
        const batch = row.id.split('/')[0]!;
        batches.set(batch, (batches.get(batch) ?? 0) + 1);
      }
      expect(new Set(batches.values()), `round ${round}`).toEqual(new Set([size]));
      for (let batch = 0; batch <= acknowledged; batch++) expect(batches.has(String(batch))).toBe(true);
      const costs = rows.reduce((sum, row) => sum + (row.cost ?? 0), 0);
      expect(await store.calls.bill(january, [])).toMatchObject([{ calls: rows.length, cost: costs }]);
      await store.close();
    }
  });

  it('is read by another process while it is written: only whole batches, and never fewer than before', async () => {
    const path = join(folder, 'read.db');
    const store = await openSqliteStore(path);
    const { process: reader, lines } = child(`
      const db = await store.openSqliteStore('${path}', { readOnly: true });
      for (let seen = 0; seen < 10_000; ) {
        const [row] = await db.calls.bill(${JSON.stringify(january)}, []);
        const listed = await db.calls.list({}, { limit: 3 });
        seen = row?.calls ?? 0;
        console.log(seen + ' ' + (row?.cost ?? 0) + ' ' + listed.length);
      }
      await db.close();`);
    expect(await line(lines)).toBe('0 0 0');
    for (let batch = 0; batch < 20; batch++) {
      await store.calls.append(Array.from({ length: 500 }, () => aCall({ cost: 1_000_000 as NanoUsd })));
    }
    const seen: number[] = [];
    for (let next = await lines.next(); !next.done; next = await lines.next()) {
      const [calls, cost] = next.value.split(' ').map(Number);
      expect(cost).toBe(calls! * 1_000_000);
      expect(calls! % 500).toBe(0);
      seen.push(calls!);
    }
    if (reader.exitCode === null) await once(reader, 'exit');
    expect(reader.exitCode).toBe(0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(10_000);
    await store.close();
  });
});

describe('a data directory', () => {
  it('has one owner at a time, whom others are told', async () => {
    const path = join(folder, 'owned');
    const own = await openDataDir(path);
    await expect(openDataDir(path)).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: `${path} is owned by process ${process.pid}`,
    });
    const { lines } = child(`await store.openDataDir('${path}').catch((error) => console.log(error.code + ' ' + error.message));`);
    expect(await line(lines)).toBe(`DATA_DIR_LOCKED ${path} is owned by process ${process.pid}`);
    const look = await openDataDir(path, { readOnly: true });
    expect(look.database).toBe(own.database);
    await look.release();
    await own.release();
    await own.release();
    await (await openDataDir(path)).release();
  });

  it('is taken over at once from an owner that was killed, by one process only', async () => {
    const path = join(folder, 'killed');
    const { process: owner, lines } = child(`await store.openDataDir('${path}'); console.log('owned'); setInterval(() => {}, 1000);`);
    expect(await line(lines)).toBe('owned');
    await expect(openDataDir(path)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED', message: `${path} is owned by process ${owner.pid}` });
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => openDataDir(path)));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won.length).toBe(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'DATA_DIR_LOCKED' });
    await won[0]!.value.release();
  });

  it('and what is in it can be read by its owner only', async () => {
    const path = join(folder, 'private');
    const dir = await openDataDir(path);
    const store = await openSqliteStore(dir.database);
    await store.calls.append([aCall()]);
    const modes = await Promise.all(
      [path, dir.database, `${dir.database}-wal`, `${dir.database}-shm`].map(async (name) => ((await stat(name)).mode & 0o777).toString(8)),
    );
    expect(modes).toEqual(['700', '600', '600', '600']);
    await store.close();
    await dir.release();
  });

  it('is not made by a reader', async () => {
    await expect(openDataDir(join(folder, 'none'), { readOnly: true })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });

  it('is not made over a file', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expect(openDataDir(path)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
