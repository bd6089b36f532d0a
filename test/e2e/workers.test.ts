import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openWorkStore, type WorkStore } from '../../src/store/index.ts';
import { documentIn, type Running, smallfirst, start, until } from '../support/cli.ts';
import { DatabaseCutter } from '../support/database-cutter.ts';
import {
  missingForWorkers,
  type PostgresServer,
  type RedisServer,
  type SlowUpstream,
  startPostgres,
  startRedis,
  startSlowUpstream,
} from '../support/work-servers.ts';

const missing = missingForWorkers();
/** Several processes start on what may be a busy machine. */
const LIMIT_MS = 60_000;

interface JobDocument {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly done: number;
  readonly failed: number;
  readonly duplicates: number;
  readonly costUsd: number;
}

describe.skipIf(missing !== null)(`workers over Redis and PostgreSQL${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let upstream: SlowUpstream;
  let cutter: DatabaseCutter;
  let folder = '';
  let count = 0;
  let running: Running[] = [];
  beforeAll(async () => {
    postgres = startPostgres();
    redis = await startRedis();
    cutter = new DatabaseCutter(postgres.url);
    await cutter.join();
  }, 60_000);
  afterAll(async () => {
    await cutter?.cut();
    await redis?.stop();
    postgres?.stop();
  });
  beforeEach(async () => {
    count += 1;
    folder = mkdtempSync(join(tmpdir(), 'workers-e2e-'));
    upstream = await startSlowUpstream(20);
  });
  afterEach(async () => {
    for (const one of running) {
      try {
        process.kill(one.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
      await one.finished;
    }
    running = [];
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function prepare(rows: number): void {
    writeFileSync(
      join(folder, 'smallfirst.yaml'),
      `models:
  big: { provider: openai, model: gpt-x, url: "${upstream.url}", apiKey: k, price: { input: 1, output: 2 }, parameters: { maxTokens: 10 } }
tasks:
  reply: { output: { kind: text }, ladder: [big] }
pipelines:
  p: { steps: [{ step: draft, task: reply }] }
store: { url: "${cutter.url}", schema: work_${process.pid}_${count} }
`,
    );
    writeFileSync(
      join(folder, 'in.jsonl'),
      Array.from({ length: rows }, (_, i) => `${JSON.stringify({ id: `row-${i}`, text: `question ${i}` })}\n`).join(''),
    );
  }

  const begin = (...args: readonly string[]): Running => {
    const one = start(folder, args);
    running.push(one);
    return one;
  };
  const worker = (...more: readonly string[]) => begin('worker', '--redis', redis.url, '--stalled-after', '2', ...more);
  const jobs = async (...args: readonly string[]) => documentIn<JobDocument>(await smallfirst(folder, ['jobs', ...args, '--json']));
  const outputIds = () =>
    readFileSync(join(folder, 'out.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly id: string }).id);

  it('do every row once, in order, though one is killed, Redis loses everything and the database goes away', async () => {
    // A cell is a row here, each with its own transactions: more rows would only be more of the same.
    const rows = 600;
    prepare(rows);
    const submitting = begin(
      'jobs',
      'submit',
      'p',
      '--input',
      'in.jsonl',
      '--output',
      'out.jsonl',
      '--cell-rows',
      '1',
      '--ahead',
      '100',
      '--json',
    );
    const first = worker('--cells', '16');
    const second = worker('--cells', '16');
    await until(() => upstream.asked.length >= 100, '100 calls', LIMIT_MS);
    process.kill(first.pid, 'SIGKILL');
    await first.finished;
    await until(() => upstream.asked.length >= 220, '220 calls', LIMIT_MS);
    await redis.kill();
    await redis.start();
    await until(() => upstream.asked.length >= 380, '380 calls', LIMIT_MS);
    if (postgres.crash === null) {
      await cutter.cut();
      await wait(300);
      await cutter.join();
    } else await postgres.crash();
    const submitted = await submitting.finished;
    expect([submitted.exit, submitted.err]).toEqual([0, expect.stringMatching(/^Job /)]);
    expect(documentIn(submitted)).toMatchObject({
      state: 'done',
      rows,
      done: rows,
      failed: 0,
      left: 0,
      written: { done: rows, failed: 0 },
    });
    expect(outputIds()).toEqual(Array.from({ length: rows }, (_, i) => `row-${i}`));

    // Every question was asked; again only what a dead worker had under way, as the same question to a provider that honours the key.
    const byText = group(upstream.asked);
    expect(byText.size).toBe(rows);
    const again = [...byText.values()].filter((asked) => asked.length > 1);
    expect(again.length).toBeLessThanOrEqual(16);
    for (const asked of again) expect(new Set(asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);

    second.interrupt();
    expect((await second.finished).exit).toBe(0);
  }, 180_000);

  it('keep to one limit of calls and to one cap of money together', async () => {
    prepare(120);
    const submitted = await jobs('submit', 'p', '--input', 'in.jsonl', '--cell-rows', '4', '--concurrency', '6', '--max-cost', '0.0015');
    // Four cells of four rows want more than the limit; with more cells the last money would go round for longer, in parts too small for one.
    const workers = [worker('--cells', '2'), worker('--cells', '2')];
    await waitForState(submitted.id, 'paused');
    const peak = upstream.takePeak();
    const paused = await jobs('show', submitted.id);
    expect(paused.reason).toBe('max-cost');
    expect(paused.costUsd).toBeLessThanOrEqual(0.0015);
    // A call is 10 tokens at $1 and 5 at $2 a million.
    expect(paused.costUsd).toBeCloseTo(upstream.asked.length * 20e-6, 12);
    expect([peak > 1, peak <= 6]).toEqual([true, true]);

    await jobs('resume', submitted.id, '--max-cost', '10');
    await waitForState(submitted.id, 'done');
    const done = await jobs('show', submitted.id);
    expect([done.done, done.failed]).toEqual([120, 0]);
    expect(upstream.asked.length).toBe(120);
    expect(done.costUsd).toBeCloseTo(120 * 20e-6, 12);
    for (const one of workers) one.interrupt();
  }, 180_000);

  it('are paused, resumed, retried and cancelled by people', async () => {
    prepare(200);
    const job = await jobs('submit', 'p', '--input', 'in.jsonl', '--cell-rows', '10');
    upstream.fail(400);
    worker('--cells', '2', '--concurrency', '10');
    await until(() => upstream.asked.length >= 40, '40 calls', LIMIT_MS);
    const store = await openStore();
    await store.pause(job.id, 'by hand');
    await store.close();
    expect(await jobs('show', job.id)).toMatchObject({ state: 'paused', reason: 'by hand', done: 0 });
    upstream.fail(null);
    await jobs('resume', job.id);
    await waitForState(job.id, 'done');
    const { failed, done } = await jobs('show', job.id);
    expect([failed > 0, failed + done]).toEqual([true, 200]);
    const collected = await smallfirst(folder, ['jobs', 'collect', job.id, '--output', 'out.jsonl', '--json']);
    expect([collected.exit, outputIds().length]).toEqual([1, done]);
    expect(readFileSync(join(folder, 'out.errors.jsonl'), 'utf8').trim().split('\n')).toHaveLength(failed);

    expect(documentIn(await smallfirst(folder, ['jobs', 'retry', job.id, '--json']))).toMatchObject({ retried: failed, failed: 0 });
    expect(await waitForState(job.id, 'done')).toMatchObject({ done: 200, failed: 0 });

    running.at(-1)?.interrupt();
    await running.at(-1)?.finished;
    const other = await jobs('submit', 'p', '--input', 'in.jsonl', '--cell-rows', '10');
    expect(await jobs('pause', other.id)).toMatchObject({ state: 'paused', left: 200 });
    expect(await jobs('cancel', other.id)).toMatchObject({ state: 'cancelled', done: 0 });
    const refused = await smallfirst(folder, ['jobs', 'resume', other.id]);
    expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining('The job is cancelled')]);
  }, 180_000);

  const openStore = (): Promise<WorkStore> => openWorkStore(cutter.url, { schema: `work_${process.pid}_${count}`, maxConnections: 1 });

  /** Looks into the database itself: a command for every look would be most of the work. */
  async function waitForState(id: string, state: string): Promise<{ readonly done: number; readonly failed: number }> {
    const store = await openStore();
    try {
      for (;;) {
        const job = await store.find(id);
        if (job?.state === state) return job;
        expect(['running', state]).toContain(job?.state);
        await wait(50);
      }
    } finally {
      await store.close();
    }
  }
});

describe('a worker', () => {
  it('says what it needs where the config names no PostgreSQL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'workers-e2e-'));
    writeFileSync(
      join(folder, 'smallfirst.yaml'),
      'models: { big: { provider: openai, model: gpt-x, apiKey: k } }\ntasks: { reply: { output: { kind: text }, ladder: [big] } }\npipelines: { p: { steps: [{ step: draft, task: reply }] } }\n',
    );
    const said = await smallfirst(folder, ['worker', '--redis', 'redis://127.0.0.1:1']);
    rmSync(folder, { recursive: true });
    expect([said.exit, said.err]).toEqual([2, expect.stringContaining('Workers share a PostgreSQL database')]);
  });
});

function group<T extends { readonly text: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(item.text, [...(groups.get(item.text) ?? []), item]);
  return groups;
}
