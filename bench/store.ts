import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { type Call, type NanoUsd, newId, type Outcome, type Purpose, type Tier, usage } from '../src/core/index.ts';
import { type BillDimension, openPostgresStore, openSqliteStore, type Store } from '../src/store/index.ts';
import { writeResult } from './result.ts';

/**
 * What the store takes and gives: call rows a second through the port beside the raw driver inserting the very same rows into the
 * same table in the same run, and a month's bill over a million calls from rollups. Options: `--rows N`, `--calls N`, `--rounds N`.
 */
const rows = option('--rows', 50_000);
const monthCalls = option('--calls', 1_000_000);
const rounds = option('--rounds', 5);
const BATCH = 1_000;
const RAW_ROWS = 50;
const HOUR = 3_600_000;
const month = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
/** Rows that come fast come within one hour; the month's load below is the other extreme, where every batch touches hundreds of rollups. */
const busyHour = { from: month.from, to: month.from + HOUR };
const postgresUrl = process.env.SMALLFIRST_TEST_POSTGRES;

const models: readonly { readonly model: string; readonly provider: string; readonly tier: Tier }[] = [
  { model: 'student', provider: 'student', tier: 'small' },
  { model: 'small', provider: 'vllm', tier: 'small' },
  { model: 'mini', provider: 'openai', tier: 'mid' },
  { model: 'haiku', provider: 'anthropic', tier: 'mid' },
  { model: 'frontier', provider: 'anthropic', tier: 'frontier' },
];
const outcomes: readonly (readonly [Purpose, Outcome])[] = [
  ['answer', 'accepted'],
  ['answer', 'accepted'],
  ['answer', 'escalated'],
  ['escalation', 'accepted'],
];

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Call `index` of `total` spread over a span: 20 tasks, 5 models, in order of time, with a UUID as the recorder makes it. */
function callAt(index: number, total: number, span: Span): Call {
  const mix = (index * 2_654_435_761) % 4_294_967_296;
  const { model, provider, tier } = models[mix % models.length]!;
  const [purpose, outcome] = outcomes[(mix >>> 8) % outcomes.length]!;
  const task = (mix >>> 16) % 20;
  return {
    id: newId(),
    requestId: newId(),
    at: Math.floor(span.from + (index / total) * (span.to - span.from)),
    task: `task-${task}`,
    step: task % 3 === 0 ? null : 'draft',
    pipeline: 'support',
    key: 'web',
    team: 'care',
    model,
    provider,
    servedModel: `${model}-2026-01-01`,
    tier,
    purpose,
    outcome,
    error: null,
    stop: 'done',
    usage: usage({ freshInput: 400 + (mix % 900), cacheRead: mix % 300, output: 20 + (mix % 400) }),
    usageSource: 'reported',
    priceId: `${provider}/${model}@2026-01-01`,
    cost: (100_000 + (mix % 5_000_000)) as NanoUsd,
    latencyMs: 50 + (mix % 2_000_000) / 1000,
    firstTokenMs: 20 + (mix % 300),
    streamed: mix % 2 === 0,
    confidence: (mix % 1000) / 1000,
    decision: outcome === 'accepted' ? 'certified' : 'low-confidence',
    fingerprint: null,
    bodyHash: null,
    tags: {},
  };
}

interface WriteRun {
  readonly rowsPerSecond: number;
  readonly batchMs: readonly number[];
}

/** Appends calls through a store's port, a batch at a time, each awaited. */
async function writeThroughPort(store: Store, calls: readonly Call[]): Promise<WriteRun> {
  const batchMs: number[] = [];
  const start = performance.now();
  for (let first = 0; first < calls.length; first += BATCH) {
    const before = performance.now();
    await store.calls.append(calls.slice(first, first + BATCH));
    batchMs.push(performance.now() - before);
  }
  return { rowsPerSecond: calls.length / ((performance.now() - start) / 1000), batchMs };
}

/** Inserts the rows that a store's file holds into an equal table, by the driver alone and as fast as it goes: no rollups, no checks. */
function writeRaw(from: string, to: string): WriteRun {
  const source = new Database(from);
  const records = source.prepare('select * from calls order by rowid').all([]) as Record<string, string | number | null>[];
  const schema = source.prepare("select sql from sqlite_master where tbl_name = 'calls' and sql is not null").all([]) as { sql: string }[];
  source.close();
  const columns = Object.keys(records[0]!);
  const values = records.map((record) => columns.map((column) => record[column] ?? null));
  const target = new Database(to);
  for (const pragma of ['journal_mode = wal', 'synchronous = normal', 'cache_size = -32000', 'foreign_keys = off'])
    target.prepare(`pragma ${pragma}`).all([]);
  for (const { sql } of schema) target.exec(sql);
  const line = `(${columns.map(() => '?').join(',')})`;
  const insert = target.prepare(`insert into calls values ${Array.from({ length: RAW_ROWS }, () => line).join(',')}`);
  const batchMs: number[] = [];
  const start = performance.now();
  for (let first = 0; first < values.length; first += BATCH) {
    const before = performance.now();
    target.exec('begin immediate');
    for (let at = first; at < first + BATCH; at += RAW_ROWS) insert.run(values.slice(at, at + RAW_ROWS).flat());
    target.exec('commit');
    batchMs.push(performance.now() - before);
  }
  const rowsPerSecond = values.length / ((performance.now() - start) / 1000);
  target.close();
  return { rowsPerSecond, batchMs };
}

async function benchWrites(folder: string) {
  const calls = Array.from({ length: rows }, (_, i) => callAt(i, rows, busyHour));
  const runs: Record<'port' | 'raw' | 'worker' | 'again' | 'postgres', WriteRun[]> = {
    port: [],
    raw: [],
    worker: [],
    again: [],
    postgres: [],
  };
  for (let round = 0; round < rounds; round++) {
    const file = join(folder, `port-${round}.db`);
    const port = await openSqliteStore(file);
    runs.port.push(await writeThroughPort(port, calls));
    runs.again.push(await writeThroughPort(port, calls));
    await port.close();
    runs.raw.push(writeRaw(file, join(folder, `raw-${round}.db`)));
    const worker = await openSqliteStore(join(folder, `worker-${round}.db`), { thread: true });
    runs.worker.push(await writeThroughPort(worker, calls));
    await worker.close();
    if (postgresUrl) runs.postgres.push(await writePostgres(postgresUrl, calls));
  }
  const ratio = runs.port.map((run, i) => run.rowsPerSecond / runs.raw[i]!.rowsPerSecond);
  return {
    rows,
    batch: BATCH,
    rounds,
    sqlite: summary(runs.port),
    sqliteRawDriver: summary(runs.raw),
    portOverRawDriver: { median: quantile(ratio, 0.5), min: Math.min(...ratio), max: Math.max(...ratio) },
    sqliteWorkerThread: summary(runs.worker),
    sqliteSameRowsAgain: summary(runs.again),
    postgres: runs.postgres.length > 0 ? summary(runs.postgres) : null,
  };
}

/** Into a schema of its own, which stays for whoever made the throwaway server to remove with it. */
async function writePostgres(url: string, calls: readonly Call[]): Promise<WriteRun> {
  const store = await openPostgresStore(url, { schema: `bench_${process.pid}_${Math.floor(performance.now())}` });
  const run = await writeThroughPort(store, calls);
  await store.close();
  return run;
}

async function benchBill(folder: string) {
  const file = join(folder, 'month.db');
  const store = await openSqliteStore(file);
  const start = performance.now();
  for (let first = 0; first < monthCalls; first += BATCH) {
    await store.calls.append(Array.from({ length: BATCH }, (_, i) => callAt(first + i, monthCalls, month)));
  }
  const loadSeconds = (performance.now() - start) / 1000;
  await store.flush();
  const bills: readonly (readonly BillDimension[])[] = [[], ['task'], ['task', 'model'], ['task', 'model', 'day'], ['hour']];
  const timings: Record<string, { readonly lines: number; readonly medianMs: number; readonly maxMs: number }> = {};
  for (const by of bills) timings[by.length === 0 ? 'total' : by.join(' × ')] = await timeBill(store, month, by);
  const edges = { from: month.from + 5 * HOUR, to: month.to - 7 * HOUR };
  timings['task × model, from 05:00 to 17:00'] = await timeBill(store, edges, ['task', 'model']);
  const page = await time(20, () => store.calls.list({}, { limit: 100 }));
  await store.close();
  const database = new Database(file);
  const count = (table: string) => (database.prepare(`select count(*) as n from ${table}`).all([]) as { n: number }[])[0]!.n;
  const counted = { hourRollups: count('hour_rollups'), dayRollups: count('day_rollups') };
  database.close();
  const bytes = statSync(file).size;
  const load = { seconds: round(loadSeconds, 1), rowsPerSecondWithMakingThem: Math.round(monthCalls / loadSeconds) };
  return { calls: monthCalls, load, bytes, bytesPerCall: round(bytes / monthCalls, 1), ...counted, bills: timings, newest100: page };
}

async function timeBill(store: Store, span: Span, by: readonly BillDimension[]) {
  const lines = (await store.calls.bill(span, by)).length;
  return { lines, ...(await time(15, () => store.calls.bill(span, by))) };
}

async function time(times: number, action: () => Promise<unknown>) {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = performance.now();
    await action();
    taken.push(performance.now() - before);
  }
  return { medianMs: round(quantile(taken, 0.5), 2), maxMs: round(Math.max(...taken), 2) };
}

function summary(runs: readonly WriteRun[]) {
  const rates = runs.map((run) => run.rowsPerSecond);
  const batches = runs.flatMap((run) => run.batchMs);
  return {
    rowsPerSecond: { median: Math.round(quantile(rates, 0.5)), min: Math.round(Math.min(...rates)), max: Math.round(Math.max(...rates)) },
    batchMs: { p50: round(quantile(batches, 0.5), 2), p99: round(quantile(batches, 0.99), 2) },
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(name);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} needs a whole number above 0`);
  return value;
}

const folder = mkdtempSync(join(tmpdir(), 'smallfirst-bench-store-'));
try {
  const writes = await benchWrites(folder);
  const table = {
    'sqlite, through the port': writes.sqlite,
    'sqlite, raw driver': writes.sqliteRawDriver,
    'sqlite, in a worker': writes.sqliteWorkerThread,
  };
  const others = {
    'sqlite, the same rows again': writes.sqliteSameRowsAgain,
    ...(writes.postgres ? { 'postgres, through the port': writes.postgres } : {}),
  };
  console.log(`${rows.toLocaleString('en')} call rows in batches of ${BATCH}, median of ${rounds} interleaved runs`);
  for (const [name, figures] of Object.entries({ ...table, ...others })) {
    const { median, min, max } = figures.rowsPerSecond;
    console.log(
      `  ${name.padEnd(30)} ${median.toLocaleString('en').padStart(9)} rows/s (${min}–${max}), batch p50 ${figures.batchMs.p50} ms, p99 ${figures.batchMs.p99} ms`,
    );
  }
  console.log(`  through the port / raw driver: ${writes.portOverRawDriver.median.toFixed(2)} (goal: 0.50)`);
  const bill = await benchBill(folder);
  console.log(
    `\nbill of a month over ${bill.calls.toLocaleString('en')} calls, ${bill.hourRollups} + ${bill.dayRollups} rollup rows, ${bill.bytesPerCall} bytes a call`,
  );
  for (const [name, figures] of Object.entries(bill.bills)) {
    console.log(
      `  ${name.padEnd(34)} ${String(figures.lines).padStart(5)} lines, median ${figures.medianMs} ms, worst ${figures.maxMs} ms`,
    );
  }
  console.log(`  newest 100 calls: median ${bill.newest100.medianMs} ms\n\nwritten: ${writeResult('store', { writes, bill })}`);
} finally {
  rmSync(folder, { recursive: true });
}
