import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../../../test/contracts/calls.ts';
import { storeContract } from '../../../test/contracts/store.ts';
import type { NanoUsd } from '../../core/index.ts';
import { openPostgresStore } from '../index.ts';

const url = process.env.SMALLFIRST_TEST_POSTGRES ?? '';
const run = `test_${process.pid}_${Date.now().toString(36)}`;
const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
let count = 0;
const newSchema = () => `${run}_${count++}`;

describe.skipIf(url === '')('PostgreSQL (skipped without SMALLFIRST_TEST_POSTGRES, the URL of a database to make schemas in)', () => {
  const schemas: string[] = [];
  let admin: Client;
  beforeAll(async () => {
    const { default: pg } = await import('pg');
    admin = new pg.Client({ connectionString: url });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.query('set client_min_messages = warning');
    for (const schema of schemas) await admin.query(`drop schema if exists ${schema} cascade`);
    await admin.end();
  });
  const schemaOfOurs = () => {
    const schema = newSchema();
    schemas.push(schema);
    return schema;
  };

  storeContract('postgres', () => openPostgresStore(url, { schema: schemaOfOurs(), maxConnections: 4 }), { histories: 20, rows: 20_000 });

  it('counts every row once when several processes write the same rows at once', async () => {
    const schema = schemaOfOurs();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(url, { schema })));
    const calls = Array.from({ length: 400 }, (_, i) =>
      aCall({ task: `task ${i % 7}`, cost: (i + 1) as NanoUsd, at: january.from + i * 600_000 }),
    );
    const added = await Promise.all(
      stores.flatMap((store, i) => [store.calls.append(calls.slice(i * 50)), store.calls.append([...calls].reverse().slice(i * 50))]),
    );
    expect(added.reduce((sum, n) => sum + n)).toBe(400);
    expect(await stores[0]!.calls.bill(january, [])).toMatchObject([{ calls: 400, cost: (400 * 401) / 2 }]);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('refuses a schema of a later version, and migrates one that is there only once', async () => {
    const schema = schemaOfOurs();
    for (let i = 0; i < 2; i++) await (await openPostgresStore(url, { schema })).close();
    const { rows } = await admin.query(`select version, name from ${schema}.schema_version order by version`);
    expect(rows).toEqual([
      { version: 1, name: 'initial' },
      { version: 2, name: 'feedback' },
      { version: 3, name: 'templates' },
      { version: 4, name: 'task-life' },
      { version: 5, name: 'bulk-work' },
    ]);
    await admin.query(`insert into ${schema}.schema_version values (9999, 'from the future')`);
    await expect(openPostgresStore(url, { schema })).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
  });

  it('needs no right to make a schema where one is there', async () => {
    const schema = schemaOfOurs();
    const user = `${schema}_user`;
    await admin.query(`create role ${user} login; create schema ${schema} authorization ${user}`);
    try {
      const theirs = new URL(url);
      theirs.username = user;
      const store = await openPostgresStore(theirs.href, { schema, maxConnections: 1 });
      expect(await store.calls.append([aCall()])).toBe(1);
      await store.close();
    } finally {
      await admin.query(`set client_min_messages = warning; drop schema ${schema} cascade; drop role ${user}`);
    }
  });

  it('goes on after its connections were cut', async () => {
    const schema = schemaOfOurs();
    const store = await openPostgresStore(url, { schema });
    await store.calls.append([aCall()]);
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'smallfirst' and pid <> pg_backend_pid()`,
    );
    // The first use may still meet a connection that is gone; a later one finds a new connection.
    let bill: unknown;
    for (let tries = 0; tries < 20 && bill === undefined; tries++) {
      bill = await store.calls.bill(january, []).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        return undefined;
      });
    }
    expect(bill).toMatchObject([{ calls: 1 }]);
    await store.close();
  });
});

describe('PostgreSQL that says nothing any more', () => {
  it.skipIf(url === '')('is given up after the time that was given, and asked again over a new connection', async () => {
    const schema = newSchema();
    const store = await openPostgresStore(url, { schema, maxConnections: 1, queryTimeoutMs: 200 });
    const { default: pg } = await import('pg');
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    try {
      await other.query(`begin; lock table ${schema}.pairs in access exclusive mode`);
      await expect(store.pairs.count({ task: 'classify' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await other.query('rollback');
      expect(await store.pairs.count({ task: 'classify' })).toBe(0);
    } finally {
      await store.close();
      await other.query(`rollback; set client_min_messages = warning; drop schema if exists ${schema} cascade`);
      await other.end();
    }
  });
});

describe('PostgreSQL that is not there', () => {
  // One test runs compiled code: this makes sure that it is the code beside this file.
  beforeAll(() => void spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']));

  it('says so, with the code that lets the caller go on without it', async () => {
    await expect(openPostgresStore('postgres://nobody@127.0.0.1:1/none')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('says which package to install when that is what is missing', async () => {
    const hook =
      "export async function resolve(name, context, next) { if (name === 'pg') throw new Error('Cannot find package'); return next(name, context); }";
    const code = `
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
      const { openPostgresStore, requireDriver } = await import('${pathToFileURL(resolve('dist/store/index.js')).href}');
      const url = 'postgres://127.0.0.1:1/none';
      await requireDriver({ kind: 'sqlite', path: 'x' });
      await requireDriver({ kind: 'postgres', url }).catch((error) => console.log(error.code));
      await openPostgresStore(url).catch((error) => console.log(error.code + ' ' + error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    expect(stdout).toBe('STORE_UNAVAILABLE\nSTORE_UNAVAILABLE PostgreSQL needs the package pg, which is not installed: npm install pg\n');
  });

  it('refuses a schema name that could be more than a name', async () => {
    await expect(openPostgresStore('postgres://127.0.0.1:1/none', { schema: 'a; drop table x' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
