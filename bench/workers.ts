import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { renderTable } from '../src/cli/table.ts';
import type { Json } from '../src/core/index.ts';
import {
  missingForWorkers,
  type PostgresServer,
  type RedisServer,
  type SlowUpstream,
  startPostgres,
  startRedis,
  startSlowUpstream,
} from '../test/support/work-servers.ts';
import { writeResult } from './result.ts';

/**
 * Workers over real Redis and PostgreSQL, as processes of the built program. First 10,000 cells of one row while a worker is killed and
 * Redis loses all that it had: how often was each row done, and asked. Then the same rows by one worker and by two, where an upstream that
 * takes 50 ms and a limit of calls for each worker bound the rate; both in one run, so that their ratio means something.
 */
const CELLS = 10_000;
const SCALING_ROWS = 800;
const ANSWER_MS = 50;
/** Calls of one worker under way in the scaling part: with 50 ms an answer it can do 40 rows a second. */
const CALLS = 2;
const PAIRS = 2;

interface World {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly upstream: SlowUpstream;
  readonly folder: string;
}

const MAIN = join(packageRoot(), 'dist', 'cli', 'main.js');

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

function begin({ folder }: World, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
}

async function said(child: ChildProcess): Promise<Record<string, Json>> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  return JSON.parse(text) as Record<string, Json>;
}

function worker(world: World, more: readonly string[]): ChildProcess {
  return begin(world, ['worker', '--redis', world.redis.url, '--stalled-after', '3', ...more]);
}

async function ended(workers: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    workers.map(async (one) => {
      const gone = once(one, 'exit');
      one.kill('SIGTERM');
      await gone;
    }),
  );
}

function prepare({ folder, upstream, postgres }: World, rows: number, schema: string): void {
  writeFileSync(
    join(folder, 'smallfirst.yaml'),
    `models:
  big: { provider: openai, model: gpt-x, url: "${upstream.url}", apiKey: k, price: { input: 1, output: 2 } }
tasks:
  reply: { output: { kind: text }, ladder: [big] }
pipelines:
  p: { steps: [{ step: draft, task: reply }] }
store: { url: "${postgres.url}", schema: ${schema} }
`,
  );
  writeFileSync(
    join(folder, 'in.jsonl'),
    Array.from({ length: rows }, (_, i) => `${JSON.stringify({ id: i, text: `question ${i} of ${schema}` })}\n`).join(''),
  );
}

/** Every cell once, though a worker is killed and Redis forgets. */
async function exactlyOnce(world: World, schema: string) {
  prepare(world, CELLS, schema);
  const before = world.upstream.asked.length;
  const startedAt = performance.now();
  const submitting = begin(world, ['jobs', 'submit', 'p', '--input', 'in.jsonl', '--output', 'out.jsonl', '--cell-rows', '1', '--json']);
  const document = said(submitting);
  const [first, second] = [worker(world, ['--cells', '16']), worker(world, ['--cells', '16'])] as const;
  const asked = () => world.upstream.asked.length - before;
  while (asked() < CELLS * 0.3) await wait(20);
  first.kill('SIGKILL');
  while (asked() < CELLS * 0.6) await wait(20);
  await world.redis.kill();
  await world.redis.start();
  const job = await document;
  const seconds = (performance.now() - startedAt) / 1_000;
  await ended([second]);
  const lines = readFileSync(join(world.folder, 'out.jsonl'), 'utf8').trim().split('\n');
  const ids = lines.map((line) => (JSON.parse(line) as { readonly id: number }).id);
  return {
    cells: CELLS,
    outputRows: lines.length,
    eachOnceInOrder: ids.every((id, i) => id === i),
    failed: job.failed ?? null,
    askedAgain: asked() - CELLS,
    duplicatesDropped: job.duplicates ?? null,
    seconds,
  };
}

/** Rows a second of so many workers, from the first call to the end of the job, so that starting processes is not measured. */
async function rate(world: World, workers: number, schema: string): Promise<number> {
  prepare(world, SCALING_ROWS, schema);
  const before = world.upstream.asked.length;
  await said(begin(world, ['jobs', 'submit', 'p', '--input', 'in.jsonl', '--cell-rows', '20', '--json']));
  // Both are there before the first row is: one that comes late would only show how long a process takes to start.
  const idle = Array.from({ length: workers }, () => worker(world, ['--cells', '2', '--concurrency', String(CALLS)]));
  while (world.upstream.asked.length - before < SCALING_ROWS * 0.1) await wait(5);
  const [from, startedAt] = [world.upstream.asked.length, performance.now()];
  while (world.upstream.asked.length - before < SCALING_ROWS * 0.9) await wait(5);
  const rows = world.upstream.asked.length - from;
  const seconds = (performance.now() - startedAt) / 1_000;
  await ended(idle);
  return rows / seconds;
}

async function main(): Promise<void> {
  const missing = missingForWorkers();
  if (missing !== null) {
    console.log(`skipped: ${missing}`);
    return;
  }
  const [redis, upstream] = [await startRedis(), await startSlowUpstream(ANSWER_MS)];
  const world = { postgres: startPostgres(), redis, upstream, folder: mkdtempSync(join(tmpdir(), 'smallfirst-bench-workers-')) };
  const run = `bench_${process.pid}`;
  try {
    const one: number[] = [];
    const two: number[] = [];
    // By turns, so that whatever else the machine does falls on both.
    for (let i = 0; i < PAIRS; i += 1) {
      one.push(await rate(world, 1, `${run}_one_${i}`));
      two.push(await rate(world, 2, `${run}_two_${i}`));
    }
    const once10k = await exactlyOnce(world, `${run}_once`);
    const ratios = one.map((rows, i) => (two[i] as number) / rows);
    const figures = {
      scaling: {
        rows: SCALING_ROWS,
        answerMs: ANSWER_MS,
        callsPerWorker: CALLS,
        limitRowsPerSecond: (CALLS * 1_000) / ANSWER_MS,
        one,
        two,
        ratios,
      },
      exactlyOnce: once10k,
    };
    console.log(
      renderTable(
        [{ head: 'workers' }, { head: 'rows/s, each run', align: 'right' }],
        [
          ['1', one.map((rows) => rows.toFixed(1)).join(', ')],
          ['2', two.map((rows) => rows.toFixed(1)).join(', ')],
          ['ratio', ratios.map((ratio) => ratio.toFixed(2)).join(', ')],
        ],
      ),
    );
    console.log(
      `${CELLS} cells, one worker of two killed and Redis restarted empty: ${once10k.outputRows} rows, each once and in order: ${once10k.eachOnceInOrder}; ` +
        `${once10k.askedAgain} calls asked again; ${once10k.seconds.toFixed(1)} s.`,
    );
    console.log(`Written to ${writeResult('workers', figures)}`);
  } finally {
    await upstream.close();
    await redis.stop();
    world.postgres.stop();
    rmSync(world.folder, { recursive: true, force: true });
  }
}

await main();
