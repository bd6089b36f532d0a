import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCall } from '../../test/contracts/calls.ts';
import { aFeedback } from '../../test/contracts/store-feedback.ts';
import { anEvent } from '../../test/contracts/store-life.ts';
import { aPair } from '../../test/contracts/store-pairs.ts';
import { earlierCallLine } from '../../test/support/earlier-spool.ts';
import { recorderState } from '../../test/support/recorder-state.ts';
import { type Call, type NanoUsd, systemClock } from '../core/index.ts';
import { openSqliteStore, type Store } from '../store/index.ts';
import { createRecorder, type Recorder, type RecorderOptions } from './recorder.ts';
import { encodeCall } from './spool-call.ts';
import { rejectedPath, segmentPath } from './spool-folder.ts';

const january = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
let root = '';
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'smallfirst-recorder-'));
  // A worker is compiled code: this makes sure that it is the code beside this file.
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json']);
});
afterAll(() => rmSync(root, { recursive: true }));

interface World {
  readonly dir: string;
  readonly folder: string;
  readonly database: string;
  readonly warnings: string[];
  readonly open: (options?: Partial<RecorderOptions>) => Recorder;
}

function newWorld(): World {
  const dir = join(root, String(count++));
  mkdirSync(dir);
  const folder = join(dir, 'spool');
  const database = join(dir, 'smallfirst.db');
  const warnings: string[] = [];
  const open = (options: Partial<RecorderOptions> = {}) =>
    createRecorder({
      folder,
      store: { kind: 'sqlite', path: database },
      clock: systemClock,
      warn: (message) => void warnings.push(message),
      intervalMs: 5,
      ...options,
    });
  return { dir, folder, database, warnings, open };
}

async function inStore<T>(database: string, read: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(database, { readOnly: true });
  try {
    return await read(store);
  } finally {
    await store.close();
  }
}

const callsIn = (database: string) => inStore(database, (store) => store.calls.list({}, { limit: 100_000 }));
const ids = (calls: readonly Call[]) => calls.map((call) => call.id).sort();
const segmentsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.spool'));

describe('a recorder', () => {
  it('takes calls, bodies and feedback into the store, and leaves an empty spool', async () => {
    const world = newWorld();
    const recorder = world.open();
    const calls = Array.from({ length: 300 }, (_, i) => aCall({ cost: i as NanoUsd }));
    const feedback = aFeedback({ requestId: calls[0]!.requestId });
    for (const call of calls) recorder.record([call]);
    recorder.record([], [{ hash: 'h', at: january.from, body: 'naïve\n👩‍🚀' }]);
    expect(recorder.feedback(feedback)).toBe(true);
    expect(recorder.state()).toMatchObject({ recordedRows: 302, lostRows: 0 });
    expect(await recorder.drain()).toBe(true);
    expect(recorder.state()).toEqual({
      recordedRows: 302,
      queuedRows: 0,
      queuedBytes: 0,
      oldestQueuedAt: null,
      ingestedRows: 302,
      rejectedRows: 0,
      tornLines: 0,
      lostRows: 0,
      droppedBodies: 0,
      prunedBodies: 0,
      prunedCalls: 0,
      lastError: null,
    });
    expect(await recorder.close()).toBe(true);
    expect(ids(await callsIn(world.database))).toEqual(ids(calls));
    expect(await inStore(world.database, (store) => store.bodies.get('h'))).toBe('naïve\n👩‍🚀');
    expect(await inStore(world.database, (store) => store.feedback.list({}, { limit: 5 }))).toEqual([{ feedback, call: calls[0] }]);
    expect(segmentsIn(world.folder)).toEqual([]);
    expect(world.warnings).toEqual([]);
  });

  it('takes what a version of before left in the spool', async () => {
    const world = newWorld();
    const calls = Array.from({ length: 20 }, () => aCall());
    mkdirSync(world.folder);
    writeFileSync(segmentPath(world.folder, 1), calls.slice(0, 10).map(earlierCallLine).join(''));
    const recorder = world.open();
    recorder.record(calls.slice(10));
    expect(await recorder.drain()).toBe(true);
    expect(recorder.state()).toMatchObject({ recordedRows: 10, ingestedRows: 20, rejectedRows: 0 });
    expect(await recorder.close()).toBe(true);
    const byId = (a: Call, b: Call) => (a.id < b.id ? -1 : 1);
    expect([...(await callsIn(world.database))].sort(byId)).toEqual([...calls].sort(byId));
  });

  it('has nothing to wait for when nothing was recorded', async () => {
    const world = newWorld();
    for (let run = 0; run < 2; run++) {
      const recorder = world.open();
      expect(await recorder.drain()).toBe(true);
      expect(await recorder.close()).toBe(true);
      expect(segmentsIn(world.folder)).toEqual([]);
    }
  });

  it('goes through many segments and removes each once it is in', async () => {
    const world = newWorld();
    const recorder = world.open({ segmentBytes: 2_000, segmentMs: 20 });
    const calls = Array.from({ length: 500 }, () => aCall());
    for (const call of calls) recorder.record([call]);
    expect(await recorder.drain()).toBe(true);
    await recorderState(recorder, () => segmentsIn(world.folder).length <= 1);
    await recorder.close();
    expect(ids(await callsIn(world.database))).toEqual(ids(calls));
  });

  it('takes what earlier processes left, without a line that was torn, and counts what is there already once', async () => {
    const world = newWorld();
    const calls = Array.from({ length: 3 }, () => aCall());
    mkdirSync(world.folder);
    const torn = encodeCall(aCall());
    writeFileSync(segmentPath(world.folder, 4), calls.slice(0, 2).map(encodeCall).join('') + torn.slice(0, -1));
    // A torn part that is JSON by itself is torn all the same.
    writeFileSync(segmentPath(world.folder, 5), `${encodeCall(calls[1]!)}${encodeCall(calls[2]!)}[]`);
    const recorder = world.open();
    recorder.record([calls[0]!]);
    expect(await recorder.drain()).toBe(true);
    expect(recorder.state()).toMatchObject({
      recordedRows: 1,
      queuedRows: 0,
      queuedBytes: 0,
      ingestedRows: 5,
      tornLines: 2,
      rejectedRows: 0,
    });
    await recorder.close();
    expect(ids(await callsIn(world.database))).toEqual(ids(calls));
    expect(await inStore(world.database, (store) => store.calls.bill(january, []))).toMatchObject([{ calls: 3 }]);
  });

  it('sets rows aside that no store takes, says why, and goes on', async () => {
    const world = newWorld();
    const recorder = world.open();
    const good = Array.from({ length: 20 }, () => aCall());
    const bad = [aCall({ cost: 0.5 as NanoUsd }), aCall({ at: -1 }), aCall({ confidence: Number.NaN })];
    recorder.record([...good.slice(0, 7), bad[0]!, ...good.slice(7, 13), bad[1]!, bad[2]!, ...good.slice(13)]);
    expect(await recorder.drain()).toBe(true);
    expect(recorder.state()).toMatchObject({ ingestedRows: 23, rejectedRows: 3, lastError: null, queuedRows: 0 });
    await recorder.close();
    const lines = readFileSync(rejectedPath(world.folder), 'utf8').trimEnd().split('\n');
    const rejected = lines.map((line) => JSON.parse(line) as { line: string; reason: string });
    expect(rejected.map((row) => `${row.line}\n`).sort()).toEqual(bad.map(encodeCall).sort());
    expect(rejected.map((row) => row.reason)).toEqual([
      'a line of the spool cannot be read: confidence is not a number',
      `call ${bad[0]!.id}: cost is not a whole number of nano-dollars in the exact range: 0.5`,
      `call ${bad[1]!.id}: at is not a whole number from 0 to 2^53 - 1: -1`,
    ]);
    expect(ids(await callsIn(world.database))).toEqual(ids(good));
    expect(world.warnings).toEqual(['the store refused rows for good: see rejected.jsonl in the spool']);
  });

  it('takes pairs and events of tasks once, however often they come, and sets aside those that no store takes', async () => {
    const world = newWorld();
    const pairs = Array.from({ length: 5 }, (_, i) => aPair({ at: january.from + i }));
    const events = Array.from({ length: 5 }, (_, i) => anEvent({ at: january.from + i }));
    for (let run = 0; run < 2; run++) {
      const recorder = world.open({ bodyLimit: 100 });
      for (const pair of pairs) recorder.pair(pair);
      for (const event of events) recorder.event(event);
      recorder.pair(aPair({ id: `bad ${run}`, inclusion: 0 }));
      recorder.event(anEvent({ id: `bad ${run}`, at: -1 }));
      recorder.pair(
        aPair({ id: 'long', at: january.to, input: 'x'.repeat(101), smallOutput: 'y'.repeat(100), bigOutput: 'z'.repeat(101) }),
      );
      expect(recorder.state()).toMatchObject({ recordedRows: 13, lostRows: 0 });
      expect(await recorder.close(60_000)).toBe(true);
      expect(recorder.state()).toMatchObject({ ingestedRows: 13, rejectedRows: 2, lastError: null });
      recorder.pair(pairs[0]!);
      recorder.event(events[0]!);
      expect(recorder.state().lostRows).toBe(2);
    }
    const stored = await inStore(world.database, (store) => store.pairs.list({ task: 'classify' }));
    expect(stored.slice(0, 5)).toEqual(pairs);
    expect(stored.slice(5)).toMatchObject([{ id: 'long', input: null, smallOutput: 'y'.repeat(100), bigOutput: null }]);
    expect(await inStore(world.database, (store) => store.events.list({}))).toEqual(events);
    expect(readFileSync(rejectedPath(world.folder), 'utf8').trimEnd().split('\n')).toHaveLength(4);
  });

  it('waits for a database that is locked while recording goes on, and drains when it is free', async () => {
    const world = newWorld();
    await (await openSqliteStore(world.database)).close();
    const other = new Database(world.database);
    other.exec('begin exclusive');
    const recorder = world.open();
    const calls = Array.from({ length: 200 }, () => aCall());
    const startedAt = Date.now();
    for (const call of calls) recorder.record([call]);
    const state = await recorderState(recorder, (current) => current.lastError !== null);
    expect(state).toMatchObject({ queuedRows: 200, ingestedRows: 0, lostRows: 0, lastError: { code: 'STORE_UNAVAILABLE' } });
    expect(state.queuedBytes).toBe(calls.reduce((sum, call) => sum + Buffer.byteLength(encodeCall(call)), 0));
    expect(await recorder.drain(1)).toBe(false);
    other.exec('rollback');
    other.close();
    expect(await recorder.drain(60_000)).toBe(true);
    expect(recorder.state()).toMatchObject({ queuedRows: 0, ingestedRows: 200, lastError: null, oldestQueuedAt: null });
    await recorder.close();
    expect(ids(await callsIn(world.database))).toEqual(ids(calls));
    expect(world.warnings).toEqual([
      expect.stringMatching(/^records wait in the spool: STORE_UNAVAILABLE: SQLite: /),
      'the store takes records again',
    ]);
    expect(state.lastError!.at).toBeGreaterThanOrEqual(startedAt);
  });

  it('keeps everything in the spool when it is closed without a store, for the next process', async () => {
    const world = newWorld();
    mkdirSync(world.database);
    const recorder = world.open();
    const calls = [aCall(), aCall()];
    recorder.record(calls);
    expect(await recorder.close(50)).toBe(false);
    expect(segmentsIn(world.folder).length).toBe(1);
    rmSync(world.database, { recursive: true });
    const next = world.open();
    expect(await next.close(60_000)).toBe(true);
    expect(ids(await callsIn(world.database))).toEqual(ids(calls));
    expect(segmentsIn(world.folder)).toEqual([]);
  });

  it('never throws: what cannot be written is counted and told once, and so is the end of it', async () => {
    const world = newWorld();
    const recorder = world.open({ segmentBytes: 1 });
    recorder.record([aCall({ id: 'before' })]);
    await recorder.drain();
    const circular = aCall();
    (circular.tags as Record<string, unknown>).self = circular.tags;
    recorder.record([circular]);
    recorder.record([circular, aCall()]);
    expect(recorder.state()).toMatchObject({ recordedRows: 1, lostRows: 3 });
    recorder.record([aCall({ id: 'after' })]);
    expect(await recorder.close()).toBe(true);
    recorder.record([aCall()]);
    expect(recorder.feedback(aFeedback())).toBe(false);
    expect(recorder.state()).toMatchObject({ recordedRows: 2, lostRows: 5 });
    expect(ids(await callsIn(world.database))).toEqual(['after', 'before']);
    expect(world.warnings).toEqual([
      expect.stringMatching(/^RECORDING FAILS, answers go on unrecorded: .*circular/),
      'recording works again; 3 rows were lost until now',
      'RECORDING FAILS, answers go on unrecorded: the recorder is closed',
    ]);
  });

  it('is not stopped by a spool folder that goes away', async () => {
    const world = newWorld();
    const recorder = world.open({ segmentBytes: 1 });
    recorder.record([aCall({ id: 'before' })]);
    expect(await recorder.drain()).toBe(true);
    renameSync(world.folder, `${world.folder}.gone`);
    recorder.record([aCall({ id: 'meanwhile' })]);
    await recorderState(recorder, (state) => state.lastError !== null);
    renameSync(`${world.folder}.gone`, world.folder);
    recorder.record([aCall({ id: 'after' })]);
    expect(await recorder.drain(60_000)).toBe(true);
    await recorder.close();
    expect(ids(await callsIn(world.database))).toEqual(['after', 'before', 'meanwhile']);
    expect(recorder.state()).toMatchObject({ lostRows: 0, lastError: null });
  });

  it('starts its ingest again when that has ended by itself, and counts what waited once', async () => {
    const world = newWorld();
    const left = aCall();
    mkdirSync(world.folder);
    writeFileSync(segmentPath(world.folder, 1), encodeCall(left));
    // A folder where a segment should be cannot be read: the thread ends on it.
    mkdirSync(segmentPath(world.folder, 2));
    const recorder = world.open();
    const calls = [aCall(), aCall()];
    recorder.record(calls);
    await recorderState(recorder, (state) => state.lastError !== null);
    rmdirSync(segmentPath(world.folder, 2));
    expect(await recorder.drain(60_000)).toBe(true);
    expect(recorder.state()).toMatchObject({ recordedRows: 2, ingestedRows: 3, queuedRows: 0, queuedBytes: 0, lastError: null });
    expect(await recorder.close()).toBe(true);
    expect(ids(await callsIn(world.database))).toEqual(ids([left, ...calls]));
    expect(world.warnings[0]).toMatch(/^the ingest ended: EISDIR/);
  });

  it('cannot be made where nothing can be written', () => {
    const world = newWorld();
    writeFileSync(world.folder, '');
    expect(() => world.open()).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
  });

  it('does not keep a body that would make an answer wait, and prunes what is too old', async () => {
    const world = newWorld();
    const store = await openSqliteStore(world.database);
    const now = Date.now();
    await store.bodies.put([
      { hash: 'old', at: now - 3_600_000, body: 'old' },
      { hash: 'new', at: now, body: 'new' },
    ]);
    await store.calls.append([aCall({ id: 'old', at: now - 3_700_000 }), aCall({ id: 'new', at: now })]);
    await store.close();
    const recorder = world.open({ bodyLimit: 10, retention: { bodiesMs: 1_800_000, callsMs: 3_600_000 } });
    recorder.record(
      [aCall({ id: 'call', at: now })],
      [
        { hash: 'short', at: now, body: 'x'.repeat(10) },
        { hash: 'long', at: now, body: 'x'.repeat(11) },
      ],
    );
    expect(recorder.state()).toMatchObject({ recordedRows: 2, droppedBodies: 1, lostRows: 0 });
    await recorderState(recorder, (state) => state.prunedBodies === 1 && state.prunedCalls === 1);
    await recorder.close();
    const bodies = await inStore(world.database, (reader) =>
      Promise.all(['old', 'new', 'short', 'long'].map((hash) => reader.bodies.get(hash))),
    );
    expect(ids(await callsIn(world.database))).toEqual(['call', 'new']);
    expect(bodies).toEqual([null, 'new', 'x'.repeat(10), null]);
  });

  it('takes a row alone that fails for a reason not known only when others get through', async () => {
    const world = newWorld();
    await (await openSqliteStore(world.database)).close();
    const other = new Database(world.database);
    other.exec("create trigger odd before insert on calls when new.id = 'odd' begin select raise(abort, 'odd'); end");
    const recorder = world.open();
    recorder.record([aCall({ id: 'odd' })]);
    const state = await recorderState(recorder, (current) => current.lastError !== null);
    expect(state).toMatchObject({ queuedRows: 1, rejectedRows: 0, lastError: { message: expect.stringContaining('odd') } });
    expect(existsSync(rejectedPath(world.folder))).toBe(false);
    recorder.record([aCall({ id: 'even' })]);
    expect(await recorder.drain(60_000)).toBe(true);
    expect(recorder.state()).toMatchObject({ ingestedRows: 2, rejectedRows: 1, lastError: null });
    await recorder.close();
    other.close();
    expect(ids(await callsIn(world.database))).toEqual(['even']);
  });

  it('works with fsync, and reads on after a line that somebody has damaged', async () => {
    const world = newWorld();
    const recorder = world.open({ fsyncMs: 1, segmentMs: 3 });
    recorder.record([aCall({ id: 'a' })]);
    await recorder.drain();
    const last = segmentsIn(world.folder).at(-1)!;
    appendFileSync(join(world.folder, last), '\0\0\0not a row\n');
    recorder.record([aCall({ id: 'b' })]);
    await recorderState(recorder, (state) => state.ingestedRows >= 3);
    await recorder.close();
    expect(ids(await callsIn(world.database))).toEqual(['a', 'b']);
    expect(recorder.state()).toMatchObject({ rejectedRows: 1, lostRows: 0 });
  });
});
