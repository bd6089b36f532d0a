import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Call, type NanoUsd, systemClock } from '../../src/core/index.ts';
import { createRecorder, type StoreLocation } from '../../src/run/index.ts';
import { seededRandom } from '../../src/statistics/index.ts';
import { openDataDir, openPostgresStore, openSqliteStore, type Store } from '../../src/store/index.ts';
import { aCall } from '../contracts/calls.ts';
import { anEvent } from '../contracts/store-life.ts';
import { aPair } from '../contracts/store-pairs.ts';
import { DatabaseCutter } from '../support/database-cutter.ts';
import { recorderState } from '../support/recorder-state.ts';

const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
const postgres = process.env.SMALLFIRST_TEST_POSTGRES ?? '';
let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'smallfirst-e2e-recorder-'));
  // Workers and other processes run compiled code: this makes sure that it is the code beside this file.
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function everyCall(store: Store): Promise<Call[]> {
  const all: Call[] = [];
  for (;;) {
    const before = all.at(-1)?.id;
    const page = await store.calls.list({}, { limit: 20_000, ...(before === undefined ? {} : { before }) });
    if (page.length === 0) return all;
    all.push(...page);
  }
}

const quiet = { clock: systemClock, warn: () => {} };

/**
 * Records requests of one to three calls, with a pair and an event each, as fast as it can until it is killed; every row is acknowledged
 * by a line of a file once recording it has returned. Says a number on stdout now and then.
 */
function recordingProcess(dir: string, round: number): ChildProcessWithoutNullStreams {
  const code = `
    import { openSync, writeSync } from 'node:fs';
    import { createRecorder } from '${resolve('dist/run/index.js')}';
    import { openDataDir } from '${resolve('dist/store/index.js')}';
    const data = await openDataDir('${dir}');
    const recorder = createRecorder({
      folder: data.path + '/spool', store: { kind: 'sqlite', path: data.database }, clock: { now: Date.now, monotonic: () => performance.now() },
      warn: console.error, intervalMs: 2, segmentBytes: 40_000, segmentMs: 5,
    });
    const acknowledged = openSync('${dir}/acknowledged', 'a');
    const template = ${JSON.stringify(aCall())};
    const pair = ${JSON.stringify(aPair())};
    const event = ${JSON.stringify(anEvent())};
    for (let request = 0; ; request++) {
      const calls = Array.from({ length: 1 + request % 3 }, (_, i) => ({
        ...template, id: '${round}/' + request + '/' + i, requestId: '${round}/' + request, cost: 1 + request, task: 'task ' + (request % 5),
        at: ${january.from} + request * 1000,
      }));
      recorder.record(calls);
      writeSync(acknowledged, calls.map((call) => 'call ' + call.id + ' ' + call.cost + '\\n').join(''));
      recorder.pair({ ...pair, id: '${round}/' + request, bigCost: request });
      writeSync(acknowledged, 'pair ${round}/' + request + ' ' + request + '\\n');
      recorder.event({ ...event, id: '${round}/' + request, detail: request });
      writeSync(acknowledged, 'event ${round}/' + request + ' ' + request + '\\n');
      if (request % 20 === 0) {
        console.log(request);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code]);
  child.stderr.pipe(process.stderr);
  return child;
}

describe('a process that is killed while it records', () => {
  it('has every acknowledged row in the store exactly once afterwards', async () => {
    const dir = join(root, 'killed');
    const position = join(dir, 'spool', 'position');
    const random = seededRandom(20_260_115);
    let replayed = 0;
    let ingested = 0;
    for (let round = 0; round < 5; round++) {
      const child = recordingProcess(dir, round);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      // Some moments are during the replay of what the round before had left, some long after it.
      const moment = Math.floor(random.next() ** 2 * 300);
      // The last one lasts until an ingest has taken something, however busy the machine is.
      const isLast = round === 4;
      for (let line = 0; line <= moment || (isLast && !existsSync(position)); line++) expect((await lines.next()).done).toBe(false);
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (readdirSync(join(dir, 'spool')).filter((name) => name.endsWith('.spool')).length > 0) replayed++;
      if (existsSync(position)) ingested++;
    }
    // Else this would prove nothing about rows that an ingest had taken before, or was taking.
    expect(replayed).toBeGreaterThan(0);
    expect(ingested).toBeGreaterThan(0);
    const acknowledged = { call: new Map<string, number>(), pair: new Map<string, number>(), event: new Map<string, number>() };
    for (const line of readFileSync(join(dir, 'acknowledged'), 'utf8').split('\n').slice(0, -1)) {
      const [kind, id, number] = line.split(' ') as [keyof typeof acknowledged, string, string];
      acknowledged[kind].set(id, Number(number));
    }
    const data = await openDataDir(dir);
    const recorder = createRecorder({ folder: join(dir, 'spool'), store: { kind: 'sqlite', path: data.database }, ...quiet });
    expect(await recorder.close(60_000)).toBe(true);
    expect(recorder.state()).toMatchObject({ queuedRows: 0, queuedBytes: 0, rejectedRows: 0, lastError: null });
    expect(existsSync(join(dir, 'spool', 'rejected.jsonl'))).toBe(false);

    const store = await openSqliteStore(data.database, { readOnly: true });
    const stored = await everyCall(store);
    const pairs = await store.pairs.list({ task: 'classify' });
    const events = await store.events.list({ task: 'classify' });
    for (const [kind, rows] of [
      ['call', stored.map((call) => [call.id, call.cost])],
      ['pair', pairs.map((pair) => [pair.id, pair.bigCost])],
      ['event', events.map((event) => [event.id, event.detail])],
    ] as const) {
      const found = new Map(rows as [string, number][]);
      expect(found.size, `each ${kind} once`).toBe(rows.length);
      for (const [id, number] of acknowledged[kind]) expect(found.get(id), `${kind} ${id}`).toBe(number);
      // At most the last request of each round was written and not acknowledged.
      expect(rows.length - acknowledged[kind].size).toBeLessThanOrEqual(5 * 3);
    }
    // Nothing was added up twice either.
    const cost = stored.reduce((sum, call) => sum + (call.cost ?? 0), 0);
    expect(await store.calls.bill(january, [])).toMatchObject([{ calls: stored.length, cost }]);
    await store.close();
    await data.release();
  });
});

/** Records in bursts, with the store cut off and back again twice between them, and expects each row once. */
async function survivesOutages(
  name: string,
  location: StoreLocation,
  cut: () => Promise<void>,
  join_: () => Promise<void>,
): Promise<Call[]> {
  const recorder = createRecorder({ folder: join(root, name), store: location, ...quiet, intervalMs: 2, segmentBytes: 20_000 });
  const calls: Call[] = [];
  const burst = (size: number) => {
    for (let i = 0; i < size; i++) {
      const call = aCall({ cost: calls.length as NanoUsd });
      calls.push(call);
      recorder.record([call]);
    }
  };
  for (let outage = 0; outage < 2; outage++) {
    burst(300);
    expect(await recorder.drain(60_000)).toBe(true);
    await cut();
    burst(300);
    const down = await recorderState(recorder, (state) => state.lastError !== null);
    expect(down.lastError?.code).toBe('STORE_UNAVAILABLE');
    const queued = down.queuedRows;
    burst(300);
    expect(recorder.state()).toMatchObject({ lostRows: 0, recordedRows: calls.length, queuedRows: queued + 300 });
    expect(recorder.state().oldestQueuedAt).not.toBeNull();
    await join_();
  }
  burst(100);
  expect(await recorder.close(60_000)).toBe(true);
  expect(recorder.state()).toMatchObject({ ingestedRows: calls.length, queuedRows: 0, rejectedRows: 0, lostRows: 0, lastError: null });
  return calls;
}

async function expectEachOnce(store: Store, calls: readonly Call[]): Promise<void> {
  const stored = await everyCall(store);
  expect(stored.map((call) => call.id).sort()).toEqual(calls.map((call) => call.id).sort());
  const cost = calls.reduce((sum, call) => sum + (call.cost ?? 0), 0);
  expect(await store.calls.bill(january, [])).toMatchObject([{ calls: calls.length, cost }]);
  await store.close();
}

describe.skipIf(postgres === '')('PostgreSQL that stops and starts (skipped without SMALLFIRST_TEST_POSTGRES)', () => {
  it('stops no recording, and has every row once when it is back', async () => {
    const schema = `test_recorder_${process.pid}_${Date.now().toString(36)}`;
    const cutter = new DatabaseCutter(postgres);
    await cutter.join();
    try {
      const location = { kind: 'postgres', url: cutter.url, schema } as const;
      const calls = await survivesOutages(
        'postgres',
        location,
        () => cutter.cut(),
        () => cutter.join(),
      );
      await expectEachOnce(await openPostgresStore(postgres, { schema }), calls);
    } finally {
      await cutter.cut();
      const { default: pg } = await import('pg');
      const admin = new pg.Client({ connectionString: postgres });
      await admin.connect();
      await admin.query(`set client_min_messages = warning; drop schema if exists ${schema} cascade`);
      await admin.end();
    }
  });
});

describe('SQLite that somebody locks', () => {
  it('stops no recording, and has every row once when it is free', async () => {
    const path = join(root, 'locked.db');
    await (await openSqliteStore(path)).close();
    const other = new Database(path);
    const calls = await survivesOutages(
      'locked',
      { kind: 'sqlite', path },
      async () => void other.exec('begin exclusive'),
      async () => void other.exec('rollback'),
    );
    other.close();
    await expectEachOnce(await openSqliteStore(path), calls);
  });
});

/** A file system of 192 KiB, where one may be mounted; null elsewhere. */
function smallDisk(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const dir = mkdtempSync(join(tmpdir(), 'smallfirst-small-disk-'));
  if (spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=192k', 'tmpfs', dir]).status === 0) return dir;
  rmSync(dir, { recursive: true });
  return null;
}

describe('a disk that is full', () => {
  it('loses only what could not be written, says so, and records again as soon as there is room', async ({ skip }) => {
    const disk = smallDisk();
    if (disk === null) return skip('no small disk can be mounted here');
    onTestFinished(() => {
      spawnSync('/bin/umount', [disk]);
      rmSync(disk, { recursive: true });
    });
    const path = join(root, 'full.db');
    await (await openSqliteStore(path)).close();
    const other = new Database(path);
    other.exec('begin exclusive');
    const warnings: string[] = [];
    const folder = join(disk, 'spool');
    mkdirSync(folder);
    const recorder = createRecorder({
      folder,
      store: { kind: 'sqlite', path },
      clock: systemClock,
      warn: (message) => void warnings.push(message),
      intervalMs: 2,
      segmentBytes: 30_000,
    });
    const written: string[] = [];
    const record = () => {
      const before = recorder.state().lostRows;
      const call = aCall();
      recorder.record([call]);
      if (recorder.state().lostRows === before) written.push(call.id);
    };
    while (recorder.state().lostRows < 50) record();
    expect(written.length).toBeGreaterThan(100);
    other.exec('rollback');
    other.close();
    expect(await recorder.drain(60_000)).toBe(true);
    const lost = recorder.state().lostRows;
    for (let i = 0; i < 20; i++) record();
    expect(recorder.state().lostRows).toBe(lost);
    expect(await recorder.close(60_000)).toBe(true);
    expect(recorder.state()).toMatchObject({ recordedRows: written.length, ingestedRows: written.length, lostRows: lost, rejectedRows: 0 });
    const store = await openSqliteStore(path);
    expect((await everyCall(store)).map((call) => call.id).sort()).toEqual([...written].sort());
    await store.close();
    expect(warnings.filter((message) => message.startsWith('RECORDING FAILS'))).toHaveLength(1);
    expect(warnings.at(-1)).toBe(`recording works again; ${lost} rows were lost until now`);
  });
});
