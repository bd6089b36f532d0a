/** Bounds of what runs beside the answers. */
export interface BackgroundLimits {
  /** Jobs at once. */
  readonly concurrency: number;
  /** Jobs that wait, and the bytes of requests that they hold. */
  readonly waiting: number;
  readonly waitingBytes: number;
}

const LIMITS: BackgroundLimits = { concurrency: 8, waiting: 256, waitingBytes: 16 * 1024 * 1024 };

/** A call to a model that no client waits for. `bytes` is what it holds in memory while it waits. */
export interface BackgroundJob {
  readonly bytes: number;
  /** Ends soon after the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Work that no client waits for, in the order in which it came. What finds the queue full is dropped, because answers come first; at the
 * end of the process what runs is aborted and what waits is dropped.
 */
export class Background {
  readonly #limits: BackgroundLimits;
  readonly #failed: (error: unknown) => void;
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: BackgroundJob[] = [];
  #waitingBytes = 0;
  #dropped = 0;

  constructor(failed: (error: unknown) => void, limits: Partial<BackgroundLimits> = {}) {
    this.#failed = failed;
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Jobs that were given up. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a job to run now or soon; false where there is no room for it. */
  offer(job: BackgroundJob): boolean {
    const { concurrency, waiting, waitingBytes } = this.#limits;
    const isFree = this.#running.size < concurrency;
    const hasRoom = this.#waiting.length < waiting && this.#waitingBytes + job.bytes <= waitingBytes;
    if (this.#controller.signal.aborted || !(isFree || hasRoom)) {
      this.#dropped += 1;
      return false;
    }
    if (isFree) this.#start(job);
    else {
      this.#waiting.push(job);
      this.#waitingBytes += job.bytes;
    }
    return true;
  }

  /** Takes nothing any more, drops what waits and aborts what runs. */
  stop(): void {
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#controller.abort();
  }

  /** Resolves when nothing runs or waits any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #start(job: BackgroundJob): void {
    const running = job
      .run(this.#controller.signal)
      .catch(this.#failed)
      .finally(() => {
        this.#running.delete(running);
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#waitingBytes -= next.bytes;
        this.#start(next);
      });
    this.#running.add(running);
  }
}
