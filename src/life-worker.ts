import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Config, type ModelConfig, pinsOf, type TaskConfig } from './config/index.ts';
import { type Clock, SmallfirstError } from './core/index.ts';
import { judgeOf } from './judge/index.ts';
import type { LifeCandidate, LifeTask, LookRequest } from './life/index.ts';
import type { LifeNews, LifeOrder, LifeThreadData } from './life-protocol.ts';
import { loadRecording } from './providers/index.ts';
import type { Look, StoreLocation } from './store/index.ts';
import { loadStudent } from './student/index.ts';
import { loadTriage } from './triage-folder.ts';

/** Looks at the evidence of tasks, in a thread of their own. */
export interface Life {
  /**
   * Without a task: takes what looks are due now instead of at the next round. With one: a person's look at its candidates, each of
   * which spends the next share of the error. Resolves with the looks taken; rejects with STORE_UNAVAILABLE where that cannot be done.
   */
  look(task?: string): Promise<readonly Look[]>;
  /** Lets a look under way end. */
  close(): Promise<void>;
}

/** What looks need of the rest. */
export interface LifeDeps {
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  /** Time between rounds; a minute unless told. */
  readonly everyMs?: number;
  /** Whether a gate classifier may be proposed where it beats every signal; true unless told. */
  readonly gate?: boolean;
}

const EVERY_MS = 60_000;

/**
 * Starts looking at the tasks of a config that have somebody to look at. The thread has its own connection to the store and the lowest
 * priority: no answer waits for it. Throws STORE_UNAVAILABLE when the worker is not built.
 */
export function openLife(config: Config, store: StoreLocation, deps: LifeDeps): Life {
  if (![...config.tasks.values()].some(hasEvidence)) return { look: async () => [], close: async () => {} };
  const { clock, everyMs = EVERY_MS, gate = true } = deps;
  // A clock that runs ahead in tests runs ahead in the thread; one that differs by a tick is the system's own.
  const ahead = clock.now() - Date.now();
  const clockAheadMs = Math.abs(ahead) < 1_000 ? 0 : ahead;
  // The models' files are read when the first round needs them, not while a gateway starts.
  const data = async (firstMs: number) => ({ tasks: await lifeTasks(config), store, firstMs, everyMs, gate, clockAheadMs });
  return new LifeThread(workerFile(), { data, everyMs, warn: deps.warn });
}

function hasEvidence({ mode, ladder }: TaskConfig): boolean {
  return mode !== 'observe' && ladder.length > 1;
}

/** The tasks of a config whose candidates can be certified, with what pins them. */
export async function lifeTasks(config: Config): Promise<readonly LifeTask[]> {
  const tasks: LifeTask[] = [];
  for (const task of config.tasks.values()) {
    const big = config.models.get(task.ladder.at(-1) ?? '');
    if (big === undefined || !hasEvidence(task)) continue;
    const candidates: LifeCandidate[] = [];
    for (const name of task.shadow?.candidates ?? task.ladder.slice(0, -1)) {
      const small = config.models.get(name);
      if (small !== undefined && small !== big) candidates.push(await candidateOf(task, { small, big }, config));
    }
    if (candidates.length > 0) tasks.push({ task: judgedBy(task), big: big.name, candidates, method: task.method });
  }
  return tasks;
}

/** A task with one candidate, whichever it asks in the background; `trainedUntil` is what its files say unless told. Throws what they throw. */
export async function candidateTask(config: Config, task: TaskConfig, model: ModelConfig, trainedUntil?: number | null): Promise<LifeTask> {
  const big = config.models.get(task.ladder.at(-1) ?? '');
  if (big === undefined) throw new SmallfirstError('MODEL_NOT_FOUND', `The ladder of "${task.name}" ends with no model.`);
  const candidate = await candidateOf(task, { small: model, big }, config);
  return {
    task: judgedBy(task),
    big: big.name,
    candidates: [trainedUntil === undefined ? candidate : { ...candidate, trainedUntil }],
    // One candidate after the other shares one line of error. Bets have no such line: pairs that they saw are left out instead.
    method: 'score',
  };
}

/** What of a task a look needs: plain data, and nothing that is secret. */
function judgedBy({ name, output, floor, signal, metricSpec }: TaskConfig): LifeTask['task'] {
  return { name, output, floor, signal, metricSpec };
}

async function candidateOf(
  task: TaskConfig,
  { small, big }: { readonly small: ModelConfig; readonly big: ModelConfig },
  { models }: Config,
): Promise<LifeCandidate> {
  const { version, trainedUntil } = await filesOf(small);
  // The rows that a triage skips are part of the evidence.
  const triageVersion = task.triage === null ? null : (await loadTriage(task.triage)).version;
  const pins = pinsOf({ task, small, big, smallVersion: version, triageVersion, judge: judgeOf(task, models) });
  return { small: small.name, pins, trainedUntil };
}

/** What pins a model that lives in files, and when it was trained: nothing that came before may certify it. */
async function filesOf(model: ModelConfig): Promise<{ readonly version: string | null; readonly trainedUntil: number | null }> {
  if (model.path !== null) {
    const { version, card } = await loadStudent(model.path);
    return { version, trainedUntil: Date.parse(card.created) };
  }
  if (model.trained !== null) return { version: null, trainedUntil: model.trained.until };
  if (model.data !== null) return { version: (await loadRecording(model.data)).version, trainedUntil: null };
  return { version: null, trainedUntil: null };
}

interface Asked {
  readonly done: (looks: readonly Look[]) => void;
  readonly failed: (error: Error) => void;
}

/** What a thread is started with, when it is. */
interface LifeThreadWorld {
  readonly data: (firstMs: number) => Promise<LifeThreadData>;
  readonly everyMs: number;
  readonly warn: (message: string) => void;
}

interface Running {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

/** The thread is started for the first round, or the first request before that: a process that soon ends needs none. */
class LifeThread implements Life {
  readonly #file: URL;
  readonly #world: LifeThreadWorld;
  readonly #asked = new Map<number, Asked>();
  #first: NodeJS.Timeout;
  #starting: Promise<Running> | null = null;
  #number = 0;
  #isOver = false;

  constructor(file: URL, world: LifeThreadWorld) {
    this.#file = file;
    this.#world = world;
    this.#first = this.#firstRound();
  }

  async look(task?: string): Promise<readonly Look[]> {
    const { worker } = await this.#start(this.#world.everyMs);
    if (this.#isOver) throw unavailable(ENDED);
    this.#number += 1;
    const number = this.#number;
    const request: LookRequest = task === undefined ? { task: null, by: 'schedule' } : { task, by: 'person' };
    return new Promise((done, failed) => {
      this.#asked.set(number, { done, failed });
      worker.ref();
      worker.postMessage({ kind: 'look', number, request } satisfies LifeOrder);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#first);
    const running = await this.#starting?.catch(() => null);
    if (running && !this.#isOver) {
      running.worker.ref();
      running.worker.postMessage({ kind: 'end' } satisfies LifeOrder);
    }
    this.#isOver = true;
    await running?.ended;
  }

  #firstRound(): NodeJS.Timeout {
    const { everyMs, warn } = this.#world;
    const timer = setTimeout(() => {
      this.#start(0).catch((error: unknown) => {
        warn(`evidence cannot be looked at: ${error instanceof Error ? error.message : String(error)}`);
      });
    }, everyMs);
    timer.unref();
    return timer;
  }

  /** Starts the thread, once; a model whose files cannot be read keeps it from starting, until they can. */
  #start(firstMs: number): Promise<Running> {
    if (this.#isOver) return Promise.reject(unavailable(ENDED));
    clearTimeout(this.#first);
    this.#starting ??= this.#run(firstMs).catch((error: unknown) => {
      this.#starting = null;
      if (!this.#isOver) this.#first = this.#firstRound();
      throw error;
    });
    return this.#starting;
  }

  async #run(firstMs: number): Promise<Running> {
    // Not this process's own options: some of them (--input-type) end a worker at once.
    const worker = new Worker(this.#file, { workerData: await this.#world.data(firstMs), execArgv: [] });
    // Looking keeps no process alive.
    worker.unref();
    worker.on('message', (news: LifeNews) => this.#heard(worker, news));
    worker.on('error', (error) => this.#world.warn(`the thread that looks at evidence ended: ${String(error)}`));
    const ended = new Promise<void>((resolve) =>
      worker.on('exit', () => {
        this.#isOver = true;
        for (const { failed } of this.#asked.values()) failed(unavailable(ENDED));
        this.#asked.clear();
        resolve();
      }),
    );
    return { worker, ended };
  }

  #heard(worker: Worker, news: LifeNews): void {
    if (news.kind === 'warning') {
      this.#world.warn(news.message);
      return;
    }
    const asked = this.#asked.get(news.number);
    this.#asked.delete(news.number);
    if (this.#asked.size === 0) worker.unref();
    if (news.kind === 'looked') asked?.done(news.looks);
    else asked?.failed(unavailable(news.message));
  }
}

const ENDED = 'the thread that looks at evidence has ended';

function unavailable(message: string): SmallfirstError {
  return new SmallfirstError('STORE_UNAVAILABLE', message);
}

/** The compiled worker: beside this file, or in dist/ when this runs from its source (Node 20 loads no .ts in a worker). */
function workerFile(): URL {
  const file = import.meta.url.endsWith('.ts')
    ? new URL('../dist/life-thread.js', import.meta.url)
    : new URL('./life-thread.js', import.meta.url);
  if (existsSync(fileURLToPath(file))) return file;
  throw unavailable('the worker of the looks is not built: run `npm run build` first');
}
