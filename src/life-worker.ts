import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Config, type ModelConfig, pinsOf, type TaskConfig } from './config/index.ts';
import { type Clock, SmallfirstError } from './core/index.ts';
import type { LifeCandidate, LifeTask, LookRequest } from './life/index.ts';
import type { LifeNews, LifeOrder, LifeThreadData } from './life-protocol.ts';
import { loadRecording } from './providers/index.ts';
import type { Look, StoreLocation } from './store/index.ts';
import { loadStudent } from './student/index.ts';

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
  /** Whether a gate classifier may be proposed: only where the gateway can run one. */
  readonly gate?: boolean;
}

const EVERY_MS = 60_000;

/**
 * Starts looking at the tasks of a config that have somebody to look at. The thread has its own connection to the store and the lowest
 * priority: no answer waits for it. Throws STORE_UNAVAILABLE when the worker is not built, and what a model's files throw.
 */
export async function openLife(config: Config, store: StoreLocation, deps: LifeDeps): Promise<Life> {
  const tasks = await lifeTasks(config);
  if (tasks.length === 0) return { look: async () => [], close: async () => {} };
  const { clock, everyMs = EVERY_MS, gate = false } = deps;
  // A clock that runs ahead in tests runs ahead in the thread; one that differs by a tick is the system's own.
  const ahead = clock.now() - Date.now();
  return new LifeThread({ tasks, store, everyMs, gate, clockAheadMs: Math.abs(ahead) < 1_000 ? 0 : ahead }, deps.warn);
}

/** The tasks of a config whose candidates can be certified, with what pins them. */
export async function lifeTasks(config: Config): Promise<readonly LifeTask[]> {
  const tasks: LifeTask[] = [];
  for (const task of config.tasks.values()) {
    const big = config.models.get(task.ladder.at(-1) ?? '');
    if (big === undefined || task.mode === 'observe') continue;
    const candidates: LifeCandidate[] = [];
    for (const name of task.shadow?.candidates ?? task.ladder.slice(0, -1)) {
      const small = config.models.get(name);
      if (small !== undefined && small !== big) candidates.push(await candidateOf(task, small, big));
    }
    if (candidates.length > 0) tasks.push({ task: judgedBy(task), big: big.name, candidates, method: 'score' });
  }
  return tasks;
}

/** What of a task a look needs: plain data, and nothing that is secret. */
function judgedBy({ name, output, floor, signal, metricSpec }: TaskConfig): LifeTask['task'] {
  return { name, output, floor, signal, metricSpec };
}

async function candidateOf(task: TaskConfig, small: ModelConfig, big: ModelConfig): Promise<LifeCandidate> {
  const { version, trainedUntil } = await filesOf(small);
  return { small: small.name, pins: pinsOf({ task, small, big, smallVersion: version }), trainedUntil };
}

/** What pins a model that lives in files, and when it was trained: nothing that came before may certify it. */
async function filesOf(model: ModelConfig): Promise<{ readonly version: string | null; readonly trainedUntil: number | null }> {
  if (model.path !== null) {
    const { version, card } = await loadStudent(model.path);
    return { version, trainedUntil: Date.parse(card.created) };
  }
  if (model.data !== null) return { version: (await loadRecording(model.data)).version, trainedUntil: null };
  return { version: null, trainedUntil: null };
}

interface Asked {
  readonly done: (looks: readonly Look[]) => void;
  readonly failed: (error: Error) => void;
}

class LifeThread implements Life {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  readonly #ended: Promise<void>;
  #number = 0;
  #isOver = false;

  constructor(data: LifeThreadData, warn: (message: string) => void) {
    // Not this process's own options: some of them (--input-type) end a worker at once.
    this.#worker = new Worker(workerFile(), { workerData: data, execArgv: [] });
    // Looking keeps no process alive.
    this.#worker.unref();
    this.#worker.on('message', (news: LifeNews) => this.#heard(news, warn));
    this.#worker.on('error', (error) => warn(`the thread that looks at evidence ended: ${String(error)}`));
    this.#ended = new Promise((resolve) =>
      this.#worker.on('exit', () => {
        this.#isOver = true;
        for (const { failed } of this.#asked.values()) failed(unavailable('the thread that looks at evidence has ended'));
        this.#asked.clear();
        resolve();
      }),
    );
  }

  look(task?: string): Promise<readonly Look[]> {
    if (this.#isOver) return Promise.reject(unavailable('the thread that looks at evidence has ended'));
    this.#number += 1;
    const number = this.#number;
    const request: LookRequest = task === undefined ? { task: null, by: 'schedule' } : { task, by: 'person' };
    return new Promise((done, failed) => {
      this.#asked.set(number, { done, failed });
      this.#worker.ref();
      this.#order({ kind: 'look', number, request });
    });
  }

  async close(): Promise<void> {
    if (!this.#isOver) {
      this.#worker.ref();
      this.#order({ kind: 'end' });
    }
    await this.#ended;
  }

  #order(order: LifeOrder): void {
    this.#worker.postMessage(order);
  }

  #heard(news: LifeNews, warn: (message: string) => void): void {
    if (news.kind === 'warning') {
      warn(news.message);
      return;
    }
    const asked = this.#asked.get(news.number);
    this.#asked.delete(news.number);
    if (this.#asked.size === 0) this.#worker.unref();
    if (news.kind === 'looked') asked?.done(news.looks);
    else asked?.failed(unavailable(news.message));
  }
}

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
