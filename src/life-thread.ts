import { constants, setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Clock, newId, systemClock } from './core/index.ts';
import { type LookRequest, LookRunner } from './life/index.ts';
import type { LifeNews, LifeOrder, LifeThreadData } from './life-protocol.ts';
import { openStore, type Store } from './store/index.ts';

/** Looks can wait; a lock that others hold should not end one. */
const BUSY_TIMEOUT_MS = 5_000;
const CACHE_MIB = 8;

/** Rounds of looks for the thread at the other end of a port, one at a time, until that orders their end. */
class Looks {
  readonly #port: MessagePort;
  readonly #data: LifeThreadData;
  readonly #clock: Clock;
  #store: Store | null = null;
  #runner: LookRunner | null = null;
  #timer: NodeJS.Timeout | null = null;
  #last: Promise<void> = Promise.resolve();
  #isEnding = false;
  #hasWarned = false;

  constructor(port: MessagePort, data: LifeThreadData) {
    this.#port = port;
    this.#data = data;
    this.#clock = { now: () => systemClock.now() + data.clockAheadMs, monotonic: () => systemClock.monotonic() };
  }

  start(): void {
    this.#port.on('message', (order: LifeOrder) => {
      if (order.kind === 'end') void this.#end();
      else this.#queue(() => this.#answer(order.number, order.request));
    });
    this.#again(this.#data.firstMs);
  }

  #queue(job: () => Promise<void>): void {
    this.#last = this.#last.then(() => (this.#isEnding ? undefined : job()));
  }

  #again(afterMs: number): void {
    if (this.#isEnding) return;
    this.#timer = setTimeout(() => {
      this.#queue(() => this.#round());
      void this.#last.then(() => this.#again(this.#data.everyMs));
    }, afterMs);
  }

  /** A round by the timer. A store that is gone is told of once, and asked again at the next round. */
  async #round(): Promise<void> {
    try {
      await (await this.#open()).run();
      this.#hasWarned = false;
    } catch (error) {
      if (!this.#hasWarned) this.#tell({ kind: 'warning', message: `evidence could not be looked at: ${messageOf(error)}` });
      this.#hasWarned = true;
    }
  }

  async #answer(number: number, request: LookRequest): Promise<void> {
    try {
      const results = await (await this.#open()).run(request);
      this.#tell({ kind: 'looked', number, looks: results.map(({ look }) => look) });
    } catch (error) {
      this.#tell({ kind: 'failed', number, message: messageOf(error) });
    }
  }

  async #open(): Promise<LookRunner> {
    const { store, tasks, gate } = this.#data;
    this.#store ??= await openStore(store, { busyTimeoutMs: BUSY_TIMEOUT_MS, cacheMib: CACHE_MIB, maxConnections: 1 });
    this.#runner ??= new LookRunner(tasks, {
      store: this.#store,
      clock: this.#clock,
      newId,
      warn: (message) => this.#tell({ kind: 'warning', message }),
      gate,
    });
    return this.#runner;
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#last;
    await this.#store?.close().catch(() => {});
    this.#port.close();
  }

  #tell(news: LifeNews): void {
    this.#port.postMessage(news);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Answers come first. Only Linux gives a thread a priority of its own; elsewhere it is the process's. */
function yieldToAnswers(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);
}

yieldToAnswers();
if (parentPort) new Looks(parentPort, workerData as LifeThreadData).start();
