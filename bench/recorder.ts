import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Call, type NanoUsd, newId, systemClock, usage } from '../src/core/index.ts';
import { createRecorder, type Recorder } from '../src/run/index.ts';
import { openSqliteStore } from '../src/store/index.ts';
import { writeResult } from './result.ts';

/**
 * What recording costs: the time that `record` takes from an answer, and the processor time of the whole process (recording, worker
 * thread, SQLite) per row, for a backlog and at a steady rate.
 */
const BACKLOG = 200_000;
const RATES = [2_000, 8_000] as const;
const SECONDS = 4;
const ROUNDS = 5;

function aCall(i: number): Call {
  return {
    id: newId(),
    requestId: newId(),
    at: Date.now(),
    task: `task ${i % 12}`,
    step: null,
    pipeline: null,
    key: `key ${i % 30}`,
    team: `team ${i % 5}`,
    model: i % 4 ? 'small' : 'frontier',
    provider: 'openai',
    servedModel: 'gpt-5-mini-2026-01-01',
    tier: i % 4 ? 'small' : 'frontier',
    purpose: i % 4 ? 'answer' : 'escalation',
    outcome: 'accepted',
    error: null,
    stop: 'done',
    usage: usage({ freshInput: 800 + (i % 911), cacheRead: 200, output: 120 + (i % 97) }),
    usageSource: 'reported',
    priceId: 'openai/gpt-5-mini@2026-01-01',
    cost: (1_234_000 + i) as NanoUsd,
    latencyMs: 812.345 + (i % 1000) / 7,
    firstTokenMs: 120.5 + (i % 100) / 3,
    streamed: i % 2 === 0,
    confidence: (i % 1000) / 1000,
    decision: 'certified',
    fingerprint: 'f'.repeat(64),
    bodyHash: null,
    tags: {},
  };
}

async function inFolder<T>(body: (open: () => Recorder, stored: () => Promise<number>) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'smallfirst-bench-recorder-'));
  const path = join(dir, 'smallfirst.db');
  const open = () =>
    createRecorder({
      folder: join(dir, 'spool'),
      store: { kind: 'sqlite', path },
      clock: systemClock,
      warn: (text) => console.error(text),
    });
  const stored = async () => {
    const store = await openSqliteStore(path, { readOnly: true });
    const [row] = await store.calls.bill({ from: 0, to: 3_600_000 * 1_000_000 }, []);
    await store.close();
    return row?.calls ?? 0;
  };
  try {
    return await body(open, stored);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const quantile = (values: readonly number[], p: number) => [...values].sort((a, b) => a - b)[Math.floor(values.length * p)] ?? Number.NaN;

/** Time of each `record`, with the ingest running beside it; rows are made beforehand. */
async function timeRecord(): Promise<number[]> {
  return inFolder(async (open) => {
    const recorder = open();
    await recorder.drain();
    const times: number[] = [];
    for (let batch = 0; batch < 200; batch++) {
      const rows = Array.from({ length: 200 }, (_, i) => [aCall(batch * 200 + i)]);
      for (const row of rows) {
        const startedAt = performance.now();
        recorder.record(row);
        times.push((performance.now() - startedAt) * 1000);
      }
      await pause(5);
    }
    await recorder.close();
    return times.slice(times.length >> 2);
  });
}

/** A backlog, as after an outage: rows per second, and processor time per row of everything. */
async function timeBacklog(): Promise<{ rowsPerSecond: number; cpuUsPerRow: number }> {
  return inFolder(async (open, stored) => {
    const recorder = open();
    await recorder.drain();
    for (let i = 0; i < BACKLOG; i++) recorder.record([aCall(i)]);
    const queued = recorder.state().queuedRows;
    const cpu = cpuUs();
    const startedAt = performance.now();
    await recorder.drain(600_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const used = cpuUs() - cpu;
    await recorder.close();
    if ((await stored()) !== BACKLOG) throw new Error('rows are missing');
    return { rowsPerSecond: queued / seconds, cpuUsPerRow: used / queued };
  });
}

/** Rows at a steady rate, as under load: processor time per row of everything but making the rows. */
async function timeSteady(rate: number): Promise<number> {
  return inFolder(async (open, stored) => {
    const recorder = open();
    await recorder.drain();
    const run = async (record: (row: readonly Call[]) => void) => {
      const rows = Array.from({ length: rate * SECONDS }, (_, i) => [aCall(i)]);
      const cpu = cpuUs();
      const startedAt = performance.now();
      for (let done = 0; done < rows.length; ) {
        const due = Math.min(rows.length, Math.floor(((performance.now() - startedAt) / 1000) * rate));
        for (; done < due; done++) record(rows[done]!);
        await pause(1);
      }
      await recorder.drain();
      return cpuUs() - cpu;
    };
    const bare = await run(() => {});
    // The first rows also pay for compiling what records and ingests them.
    await run((row) => recorder.record(row));
    const recorded = await run((row) => recorder.record(row));
    await recorder.close();
    if ((await stored()) !== 2 * rate * SECONDS) throw new Error('rows are missing');
    return (recorded - bare) / (rate * SECONDS);
  });
}

const record: number[] = [];
const backlog: { rowsPerSecond: number; cpuUsPerRow: number }[] = [];
const steady = RATES.map((rate) => ({ rate, cpuUsPerRow: [] as number[] }));
for (let round = 0; round < ROUNDS; round++) {
  record.push(...(await timeRecord()));
  backlog.push(await timeBacklog());
  for (const { rate, cpuUsPerRow } of steady) cpuUsPerRow.push(await timeSteady(rate));
}
const range = (values: readonly number[]) => ({ median: median(values), lowest: Math.min(...values), highest: Math.max(...values) });
const figures = {
  rounds: ROUNDS,
  recordUs: { n: record.length, p50: quantile(record, 0.5), p99: quantile(record, 0.99) },
  backlog: {
    rows: BACKLOG,
    rowsPerSecond: range(backlog.map((b) => b.rowsPerSecond)),
    cpuUsPerRow: range(backlog.map((b) => b.cpuUsPerRow)),
  },
  steady: steady.map(({ rate, cpuUsPerRow }) => ({ rowsPerSecond: rate, rows: rate * SECONDS, cpuUsPerRow: range(cpuUsPerRow) })),
};
const us = (value: number) => `${value.toFixed(2)} µs`;
console.log(`record(), one call, one write     p50 ${us(figures.recordUs.p50)}   p99 ${us(figures.recordUs.p99)}   n ${record.length}`);
console.log(
  `backlog of ${BACKLOG} rows           ${Math.round(figures.backlog.rowsPerSecond.median)} rows/s   ${us(figures.backlog.cpuUsPerRow.median)} CPU a row`,
);
for (const { rowsPerSecond, cpuUsPerRow } of figures.steady) {
  console.log(`steady ${rowsPerSecond} rows/s               ${us(cpuUsPerRow.median)} CPU a row, recording included`);
}
console.log(writeResult('recorder', figures));
