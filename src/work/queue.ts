import type { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { WorkStore } from '../store/index.ts';
import { loadBullMq } from './peers.ts';

/** What a delivery says: that somebody may look at a cell. What is to be done, and whether it still is, stands in the database. */
export interface Delivery {
  readonly job: string;
  readonly cell: number;
}

/** What came of a delivery: it is over, or it is to come again after so long. */
export type Handled = { readonly again: false } | { readonly again: true; readonly afterMs: number };

const PREFIX = 'smallfirst';

/** How a queue hands out work. */
export interface ConsumeOptions {
  readonly concurrency: number;
  /** A delivery whose holder is silent for so long goes to somebody else. */
  readonly stalledMs: number;
  readonly handle: (delivery: Delivery) => Promise<Handled>;
  readonly onTrouble: (why: string) => void;
}

/**
 * Deliveries of cells on BullMQ: a queue for each version of a pipeline, so that nobody is sent what its config does not know. The queue
 * holds nothing that is not in the database: `refill` brings back what a Redis without its data has lost, and a delivery of what is done
 * has no effect.
 */
export class CellQueues {
  readonly #bull: Awaited<ReturnType<typeof loadBullMq>>;
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue>();
  readonly #workers: Worker[] = [];
  readonly #hashes: readonly string[];

  private constructor(
    bull: Awaited<ReturnType<typeof loadBullMq>>,
    redis: Redis,
    hashes: readonly string[],
    onTrouble: (why: string) => void,
  ) {
    this.#bull = bull;
    this.#redis = redis;
    this.#hashes = hashes;
    for (const hash of hashes) {
      const queue = new bull.Queue(nameOf(hash), {
        connection: redis,
        prefix: PREFIX,
        // What is over leaves nothing behind, so that the same cell can be delivered again where it has to be.
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      });
      queue.on('error', (error) => onTrouble(error.message));
      this.#queues.set(hash, queue);
    }
  }

  /** Opens the queues of these versions of pipelines. Throws USAGE where BullMQ is not installed. */
  static async open(redis: Redis, hashes: readonly string[], onTrouble: (why: string) => void): Promise<CellQueues> {
    return new CellQueues(await loadBullMq(), redis, hashes, onTrouble);
  }

  /** Brings cells that nobody holds into the queues, up to `most` deliveries in each; one that is there already stays one. */
  async refill(store: Pick<WorkStore, 'waiting'>, most: number): Promise<void> {
    for (const hash of this.#hashes) {
      const queue = this.#queues.get(hash) as Queue;
      const cells = await store.waiting([hash], most);
      if (cells.length === 0) continue;
      const { waiting = 0, delayed = 0 } = await queue.getJobCounts('waiting', 'delayed');
      if (waiting + delayed >= cells.length) continue;
      await queue.addBulk(cells.map(({ job, cell }) => ({ name: 'cell', data: { job, cell }, opts: { jobId: `${job}-${cell}` } })));
    }
  }

  /** Takes deliveries until `close`. */
  consume({ concurrency, stalledMs, handle, onTrouble }: ConsumeOptions): void {
    const { Worker, DelayedError } = this.#bull;
    for (const hash of this.#hashes) {
      const worker = new Worker<Delivery>(
        nameOf(hash),
        async (job, token) => {
          const handled = await handle(job.data);
          if (!handled.again) return;
          await job.moveToDelayed(Date.now() + handled.afterMs, token);
          throw new DelayedError();
        },
        {
          connection: this.#redis,
          prefix: PREFIX,
          concurrency,
          lockDuration: stalledMs,
          stalledInterval: stalledMs,
          // How often a cell may be lost with its holder is counted in the database, where a lost Redis does not forget it.
          maxStalledCount: Number.MAX_SAFE_INTEGER,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
          drainDelay: 1,
          runRetryDelay: 500,
        },
      );
      worker.on('error', (error) => onTrouble(error.message));
      this.#workers.push(worker);
    }
  }

  /** Takes nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  /** Lets go of the queues; the connection is the caller's. */
  async close(): Promise<void> {
    await this.stop();
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }
}

function nameOf(hash: string): string {
  return `cells-${hash.slice(0, 24)}`;
}
