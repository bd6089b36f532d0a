import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPostgresStore, type Store } from '../../src/store/index.ts';
import { DatabaseCutter } from '../support/database-cutter.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { runCommand, type ServedGateway, serveHere, serveProcess } from '../support/serve.ts';

const postgres = process.env.SMALLFIRST_TEST_POSTGRES ?? '';
const ADMIN = 'an-admin-token-that-is-long';
const schema = `test_serve_${process.pid}_${Date.now().toString(36)}`;

describe.skipIf(postgres === '')('a gateway whose record is in PostgreSQL (skipped without SMALLFIRST_TEST_POSTGRES)', () => {
  let upstream: FakeUpstream;
  let folder = '';
  let count = 0;
  let cutter: DatabaseCutter;
  let gateway: ServedGateway | null = null;
  let store: Store | null = null;
  beforeAll(async () => {
    // The ingest is compiled code: this makes sure that it is the code beside this file.
    spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']);
    folder = await mkdtemp(join(tmpdir(), 'smallfirst-e2e-postgres-'));
    upstream = await startFakeUpstream();
  });
  afterAll(async () => {
    await upstream?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    count += 1;
    cutter = new DatabaseCutter(postgres);
    await cutter.join();
  });
  afterEach(async () => {
    await gateway?.remove();
    await store?.close();
    gateway = null;
    store = null;
    await cutter.cut();
    const { default: pg } = await import('pg');
    const admin = new pg.Client({ connectionString: postgres });
    await admin.connect();
    await admin.query(`set client_min_messages = warning; drop schema if exists ${schema}_${count} cascade`);
    await admin.end();
  });

  // A dollar for a thousand output tokens, and nothing to speak of for input.
  const config = (keys: string) => `models:
  gpt: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: sk-upstream, price: { input: 0.001, output: 1000 } }
admin: { token: ${ADMIN} }
store: { url: "\${DATABASE_URL}", schema: ${schema}_${count} }
${keys}`;
  const KEYS = 'keys: [{ name: app, key: the-clients-key, budget: { day: 100 } }]';

  async function served(keys = '', dataDir = join(folder, `data ${count}`)): Promise<ServedGateway> {
    gateway = await serveHere({ config: config(keys), env: { DATABASE_URL: cutter.url }, dataDir });
    return gateway;
  }

  async function ask(at: ServedGateway, text = 'hi'): Promise<string> {
    const answer = await fetch(`${at.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer the-clients-key' },
      body: JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: text }] }),
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    return answer.headers.get('x-smallfirst-request-id') ?? 'none';
  }

  /** Asks several times at once; gives the ids of the requests. */
  const askMany = (at: ServedGateway, n: number) => Promise.all(Array.from({ length: n }, (_, i) => ask(at, `question ${i}`)));

  async function recorded(): Promise<string[]> {
    store ??= await openPostgresStore(postgres, { schema: `${schema}_${count}`, maxConnections: 1 });
    return (await store.calls.list({}, { limit: 1_000 })).map((call) => call.requestId).sort();
  }

  async function admin<T>(at: ServedGateway, path: string): Promise<T> {
    const response = await fetch(at.url + path, { headers: { authorization: `Bearer ${ADMIN}` } });
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  }

  it('has every request there, and none in the data directory; commands and the admin API read it by the same config', async () => {
    const at = await served();
    const ids = await askMany(at, 5);
    const feedback = await fetch(`${at.url}/v1/feedback`, { method: 'POST', body: JSON.stringify({ requestId: ids[0], score: 1 }) });
    expect(feedback.status).toBe(201);
    await expect.poll(recorded, { timeout: 20_000 }).toEqual([...ids].sort());
    await expect.poll(async () => (await admin<{ feedback: object[] }>(at, `/admin/requests/${ids[0]}`)).feedback).toHaveLength(1);
    expect(existsSync(join(at.dataDir, 'smallfirst.db'))).toBe(false);
    expect(existsSync(join(at.dataDir, 'spool'))).toBe(true);

    // New templates are kept when there is time, at the latest now.
    expect(await at.stop()).toBe(0);
    const file = join(folder, `config ${count}.yaml`);
    await writeFile(file, config(''));
    const command = (name: string) => runCommand([name, '--config', file, '--json'], { DATABASE_URL: cutter.url });
    expect(JSON.parse(await command('bill'))).toMatchObject({ calls: 5, unpricedCalls: 0 });
    expect(JSON.parse(await command('tasks'))).toMatchObject({ requests: 5, discovered: [{ requests: 5, template: expect.any(String) }] });
    expect(at.output()).not.toContain('UNAVAILABLE');
  }, 60_000);

  it('answers while the database is stopped, and has those rows once when it is back', async () => {
    const at = await served();
    const ids = await askMany(at, 3);
    await expect.poll(recorded, { timeout: 20_000 }).toHaveLength(3);
    await cutter.cut();
    ids.push(...(await askMany(at, 20)));
    const isWaiting = async () =>
      (await admin<{ recorder: { lastError: { code: string } | null } }>(at, '/admin/status')).recorder.lastError;
    await expect.poll(isWaiting, { timeout: 20_000 }).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    ids.push(...(await askMany(at, 5)));
    expect(await recorded()).toHaveLength(3);
    await cutter.join();
    await expect.poll(recorded, { timeout: 30_000 }).toEqual([...ids].sort());
    expect(await at.stop()).toBe(0);
    const said = at.output().match(/records wait in the spool: STORE_UNAVAILABLE: PostgreSQL: |the store takes records again/g);
    expect(said).toEqual(['records wait in the spool: STORE_UNAVAILABLE: PostgreSQL: ', 'the store takes records again']);
  }, 90_000);

  it('starts and answers without the database, and what it leaves behind is there after the next start', async () => {
    await cutter.cut();
    const dataDir = join(folder, `data ${count}`);
    const first = await serveProcess({ config: config(''), env: { DATABASE_URL: cutter.url }, dataDir });
    const ids = await askMany(first, 4);
    await first.kill('SIGKILL');
    await cutter.join();
    const next = await served('', dataDir);
    ids.push(await ask(next));
    expect(await next.stop()).toBe(0);
    expect(await recorded()).toEqual(ids.sort());
    await first.remove();
  }, 90_000);

  it('remembers across a start, in another data directory too, what its keys have spent', async () => {
    const first = await served(KEYS);
    await askMany(first, 3);
    const spent = (at: ServedGateway) => admin<{ budgets: { spentUsd: number }[] }>(at, '/admin/budgets');
    const before = await spent(first);
    expect(before.budgets[0]?.spentUsd).toBeGreaterThan(0);
    expect(await first.stop()).toBe(0);
    const next = await served(KEYS, join(folder, 'another'));
    expect((await spent(next)).budgets[0]?.spentUsd).toBe(before.budgets[0]?.spentUsd);
    expect(await next.stop()).toBe(0);
  }, 60_000);
});
