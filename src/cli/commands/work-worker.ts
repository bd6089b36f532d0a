import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Config, loadConfig, type PipelineConfig } from '../../config/index.ts';
import { SmallfirstError, systemClock } from '../../core/index.ts';
import { openPipelineApp, type PipelineApp, type PipelineAppOptions } from '../../pipeline-app.ts';
import { systemTimer } from '../../run/index.ts';
import type { WorkStore } from '../../store/index.ts';
import { connectRedis, insistOnStore, pause, WorkCalls, WorkerProcess } from '../../work/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { counted } from '../table.ts';
import { Pacers, pipelineHash, triedOnce, widthOf } from './batch-models.ts';
import { openWork } from './work-open.ts';

export interface WorkerCommandOptions {
  readonly redis: string;
  readonly data?: string;
  readonly cells: number;
  readonly concurrency: number;
  readonly stalledAfter: number;
  readonly queueCells: number;
  readonly untilDone: boolean;
  readonly config: string;
  readonly json: boolean;
}

/** Workers that one machine may have without being told where each keeps its state. */
const MOST_FOLDERS = 256;
/** How often a worker that ends by itself looks whether anything is left. */
const LOOK_MS = 500;
/** What the record may be behind before work in this process waits for it, in bytes. */
const MAX_BACKLOG = 16 * 1024 * 1024;
/** Calls that are under way when the worker is told to end have so long. */
const GRACE_MS = 25_000;
const DRAIN_MS = 30_000;

/**
 * `smallfirst worker`: takes cells of jobs until it is told to end (Ctrl-C, SIGTERM), or until nothing is left with --until-done. Throws
 * USAGE without PostgreSQL in the config or without its optional packages, STORE_UNAVAILABLE where a server does not answer at the start.
 */
export async function runWorker(options: WorkerCommandOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, knownUpstreams());
  const pipelines = new Map([...config.pipelines.values()].map((pipeline) => [pipelineHash(pipeline, config, {}), pipeline] as const));
  if (pipelines.size === 0) throw new SmallfirstError('USAGE', 'The config has no `pipelines:`, so there is nothing to work on.');
  const warn = (message: string): void => io.note(`WARNING: ${message}`);
  const store = await openWork(config.store, options.cells + 2);
  try {
    const redis = await connectRedis(options.redis, (why) => io.note(`WARNING: Redis: ${why}`));
    try {
      return await work({ config, pipelines, store, redis, warn }, options, io);
    } finally {
      redis.disconnect();
    }
  } finally {
    await store.close();
  }
}

interface Work {
  readonly config: Config;
  readonly pipelines: ReadonlyMap<string, PipelineConfig>;
  readonly store: WorkStore;
  readonly redis: Awaited<ReturnType<typeof connectRedis>>;
  readonly warn: (message: string) => void;
}

async function work({ config, pipelines, store, redis, warn }: Work, options: WorkerCommandOptions, io: CommandIo): Promise<ExitCode> {
  const pacers = new Pacers(config, options.concurrency);
  const calls = new WorkCalls((model) => pacers.of(model.name) !== null);
  const { app, data } = await openApp(triedOnce(config), options, io, {
    environment: io.env,
    calls,
    onAttempt: ({ target, status }) => {
      if (status === 429) pacers.of(target.name)?.limited();
    },
    warn,
  });
  try {
    const worker = new WorkerProcess(
      { cells: options.cells, stalledMs: options.stalledAfter * 1_000, queued: options.queueCells },
      {
        clock: systemClock,
        after: systemTimer,
        redis,
        store,
        world: app.world,
        calls,
        pipelines,
        pacer: (model) => pacers.of(model.name),
        width: (pipeline) => widthOf(pipeline, config, options.concurrency),
        settled: () => caughtUp(app),
        folder: join(data, 'cells'),
        warn,
      },
    );
    await worker.start();
    io.note(`Worker on ${hostname()}, state in ${data}: ${[...pipelines.values()].map(({ name }) => name).join(', ')}. Ctrl-C ends it.`);
    await ended(worker, store, pipelines, options, io);
    const callOff = systemTimer(GRACE_MS, () => worker.halt());
    const summary = await worker.stop();
    callOff();
    if (app.recorder.state().lastError === null) await app.recorder.drain(DRAIN_MS);
    if (options.json) io.json(summary);
    else io.out(`${counted(summary.cells, 'cell')} done, ${summary.putBack} put back.\n`);
    return 0;
  } finally {
    await app.close();
  }
}

/** Resolves when the worker is to end. */
async function ended(
  worker: WorkerProcess,
  store: WorkStore,
  pipelines: ReadonlyMap<string, PipelineConfig>,
  options: WorkerCommandOptions,
  io: CommandIo,
): Promise<void> {
  while (!io.signal.aborted) {
    await pause(LOOK_MS, io.signal).catch(() => {});
    if (!options.untilDone || worker.underWay > 0 || io.signal.aborted) continue;
    const left = await insistOnStore(
      io.signal,
      () => {},
      () => store.left([...pipelines.keys()]),
    ).catch(() => 1);
    if (left === 0) return;
  }
}

/** Opens pipelines in the folder that is named, or in the first that no other worker owns: what a dead one left in its spool is taken in. */
async function openApp(
  config: Config,
  { data }: WorkerCommandOptions,
  io: CommandIo,
  rest: Omit<PipelineAppOptions, 'dataDir'>,
): Promise<{ readonly app: PipelineApp; readonly data: string }> {
  if (data !== undefined) {
    const dataDir = resolve(io.cwd, data);
    return { app: await openPipelineApp(config, { ...rest, dataDir }), data: dataDir };
  }
  for (let n = 1; ; n += 1) {
    const dataDir = resolve(io.cwd, '.smallfirst', 'workers', String(n));
    try {
      return { app: await openPipelineApp(config, { ...rest, dataDir }), data: dataDir };
    } catch (error) {
      if (!(error instanceof SmallfirstError) || error.code !== 'DATA_DIR_LOCKED' || n === MOST_FOLDERS) throw error;
    }
  }
}

/** A database that is gone holds nothing up: what is recorded waits on the disk. */
async function caughtUp({ recorder }: PipelineApp): Promise<void> {
  for (;;) {
    const { queuedBytes, lastError } = recorder.state();
    if (lastError !== null || queuedBytes < MAX_BACKLOG) return;
    await wait(20);
  }
}
