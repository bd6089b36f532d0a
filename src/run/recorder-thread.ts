import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SmallfirstError } from '../core/index.ts';
import type { IngestOrder, IngestReport, IngestThreadData } from './recorder-protocol.ts';

/** Rows live for the time of a batch: more room for young objects would only be memory that is filled before it is used again. */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

/** An ingest in a worker thread, seen from the thread that records. */
export class IngestThread {
  /** Resolves once the thread has ended, however it ended. */
  readonly ended: Promise<Error | null>;
  readonly #worker: Worker;

  /** Throws STORE_UNAVAILABLE when the worker is not built. */
  constructor(data: IngestThreadData, report: (report: IngestReport) => void) {
    // Not this process's own options: some of them (--input-type) end a worker at once.
    this.#worker = new Worker(workerFile(), { workerData: data, execArgv: [], resourceLimits: LIMITS });
    // Recording keeps no process alive; waiting for a drain does.
    this.#worker.unref();
    let failure: Error | null = null;
    this.#worker.on('message', report);
    this.#worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.ended = new Promise((resolve) => this.#worker.on('exit', () => resolve(failure)));
  }

  /** Gives an order; one to a thread that has ended is not heard. */
  tell(order: IngestOrder): void {
    this.#worker.postMessage(order);
  }

  /** Whether the thread keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Ends the thread at once, whatever it does. What it has not taken stays in the spool. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The compiled worker: above this folder, or in dist/ when this runs from its source (Node 20 loads no .ts in a worker). */
function workerFile(): URL {
  const file = import.meta.url.endsWith('.ts')
    ? new URL('../../dist/ingest-worker.js', import.meta.url)
    : new URL('../ingest-worker.js', import.meta.url);
  if (!existsSync(fileURLToPath(file))) {
    throw new SmallfirstError('STORE_UNAVAILABLE', 'the worker of the recorder is not built: run `npm run build` first');
  }
  return file;
}
