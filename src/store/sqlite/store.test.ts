import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import { aBarePair } from '../../../test/contracts/store-pairs.ts';
import { openSqliteStore } from '../index.ts';
import { migrations } from '../migrations/migrate.ts';
import { SqliteConnection } from './connection.ts';

const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smallfirst-sqlite-'));
});
afterAll(() => rm(folder, { recursive: true }));
const file = () => join(folder, `${count++}.db`);

describe('a SQLite file', () => {
  it('keeps what was written, and is migrated only once', async () => {
    const path = file();
    const call = aCall();
    for (let opened = 0; opened < 3; opened++) {
      const store = await openSqliteStore(path);
      expect(await store.calls.append([call])).toBe(opened === 0 ? 1 : 0);
      await store.flush();
      await store.close();
    }
    const connection = new SqliteConnection(path, 0);
    expect(connection.prepare('select version, name from schema_version order by version').all([])).toEqual([
      { version: 1, name: 'initial' },
      { version: 2, name: 'feedback' },
      { version: 3, name: 'templates' },
      { version: 4, name: 'task-life' },
      { version: 5, name: 'bulk-work' },
    ]);
    connection.close();
  });

  it('of an earlier version keeps its pairs, which then say that they were uploaded with labels', async () => {
    const path = file();
    const old = new SqliteConnection(path, 0);
    old.exec('create table schema_version (version integer primary key, name text not null)');
    for (const { version, name, statements } of migrations.filter((migration) => migration.version <= 3)) {
      for (const statement of statements('sqlite')) old.exec(statement);
      old.exec(`insert into schema_version values (${version}, '${name}')`);
    }
    const pair = aBarePair({ id: 'old', at: january.from, by: 'label', skip: false });
    old.exec(`insert into pairs (task, small, big, id, at, drawn, inclusion, small_quality, big_quality, signals)
      values ('classify', 'small', 'big', 'old', ${january.from}, 'uniform', ${pair.inclusion}, ${pair.smallQuality}, ${pair.bigQuality}, '{}')`);
    old.close();
    const store = await openSqliteStore(path);
    expect(await store.pairs.list({ task: 'classify' })).toEqual([pair]);
    await store.close();
  });

  it('of a later version is refused, and left as it is', async () => {
    const path = file();
    await (await openSqliteStore(path)).close();
    const connection = new SqliteConnection(path, 0);
    connection.exec("insert into schema_version values (9999, 'from the future')");
    connection.close();
    const before = (await stat(path)).size;
    for (const readOnly of [false, true]) {
      await expect(openSqliteStore(path, { readOnly })).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
    }
    expect((await stat(path)).size).toBe(before);
  });

  it('opened for reading must be there and migrated, and is not written to', async () => {
    const path = file();
    await expect(openSqliteStore(path, { readOnly: true })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await writeFile(path, '');
    await expect(openSqliteStore(path, { readOnly: true })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await (await openSqliteStore(path)).close();
    const reader = await openSqliteStore(path, { readOnly: true });
    await expect(reader.calls.append([aCall()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await reader.calls.bill(january, [])).toEqual([]);
    await reader.close();
  });

  it('that is no database is unavailable, with a message that names the trouble', async () => {
    const path = file();
    await writeFile(path, 'x'.repeat(8192));
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('not a database'),
    });
  });

  it('locked by another for longer than the timeout is unavailable, and works again after', async () => {
    const path = file();
    const store = await openSqliteStore(path, { busyTimeoutMs: 1 });
    const other = new SqliteConnection(path, 0);
    other.exec('begin immediate');
    await expect(store.calls.append([aCall()])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    other.exec('rollback');
    expect(await store.calls.append([aCall()])).toBe(1);
    other.close();
    await store.close();
  });

  it('leaves no trace of a write that fails half way, and goes on', async () => {
    const path = file();
    const store = await openSqliteStore(path);
    await store.calls.append([aCall({ id: 'first' })]);
    const other = new SqliteConnection(path, 0);
    other.exec("create trigger full before insert on day_rollups begin select raise(abort, 'no more'); end");
    await expect(store.calls.append([aCall(), aCall()])).rejects.toThrow('no more');
    other.exec('drop trigger full');
    other.close();
    expect(await store.calls.bill(january, [])).toMatchObject([{ calls: 1 }]);
    expect(await store.calls.append([aCall({ id: 'first' }), aCall()])).toBe(1);
    expect(await store.calls.bill(january, ['hour'])).toMatchObject([{ calls: 2 }]);
    await store.close();
  });
});

describe('a SQLite connection', () => {
  it('refuses to bind what would end the process', () => {
    const connection = new SqliteConnection(':memory:', 0);
    for (const value of [true, undefined, {}, new Date()]) {
      expect(() => connection.prepare('select ? as x').all([value])).toThrow(TypeError);
    }
    connection.close();
  });

  it('raises RangeError where SQLite itself overflows', () => {
    const connection = new SqliteConnection(':memory:', 0);
    const big = 2n ** 62n;
    expect(() => connection.prepare('select sum(x) from (select ? as x union all select ?)').all([big, big + 1n])).toThrow(RangeError);
    connection.close();
  });
});
