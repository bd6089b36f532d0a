import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SmallfirstError } from '../../core/index.ts';
import type { Store } from '../types.ts';
import { type PortName, portMethods, unpackError, type WorkerOptions, type WorkerReply, type WorkerRequest } from './protocol.ts';
import type { SqliteFileOptions } from './store.ts';

/**
 * The same store in a worker thread: every statement runs there, this thread only sends and receives.
 * Throws what opening it in this thread would throw. A worker that ends by itself fails everything under way with STORE_UNAVAILABLE.
 */
export async function openSqliteWorker(path: string, options: SqliteFileOptions): Promise<Store> {
  const data: WorkerOptions = {
    path,
    options: {
      ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
      ...(options.busyTimeoutMs === undefined ? {} : { busyTimeoutMs: options.busyTimeoutMs }),
      ...(options.cacheMib === undefined ? {} : { cacheMib: options.cacheMib }),
    },
  };
  const line = new WorkerLine(new Worker(workerFile(), { workerData: data }));
  await line.opened;
  return {
    calls: portOf(line, 'calls'),
    bodies: portOf(line, 'bodies'),
    pairs: portOf(line, 'pairs'),
    looks: portOf(line, 'looks'),
    events: portOf(line, 'events'),
    evals: portOf(line, 'evals'),
    certificates: portOf(line, 'certificates'),
    feedback: portOf(line, 'feedback'),
    templates: portOf(line, 'templates'),
    flush: async () => void (await line.ask('store', 'flush', [])),
    close: () => line.close(),
  };
}

/** The compiled worker: beside this file, or in dist/ when this runs from its source (Node 20 loads no .ts in a worker). */
function workerFile(): URL {
  const file = import.meta.url.endsWith('.ts')
    ? new URL('../../../dist/store/sqlite/worker.js', import.meta.url)
    : new URL('./worker.js', import.meta.url);
  if (!existsSync(fileURLToPath(file))) {
    throw new SmallfirstError('STORE_UNAVAILABLE', 'the worker of the store is not built: run `npm run build` first');
  }
  return file;
}

/** A port whose methods are asked of the worker. `portMethods` is checked against the types, so the cast cannot hide a gap. */
function portOf<P extends PortName>(line: WorkerLine, port: P): Store[P] {
  const methods: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (const method of Object.keys(portMethods[port])) methods[method] = (...args) => line.ask(port, method, args);
  return methods as unknown as Store[P];
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions to a worker and their answers, by number. */
class WorkerLine {
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #next = 1;
  #closing: Promise<void> | null = null;
  #gone: SmallfirstError | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.opened = this.#wait(0);
    worker.on('message', (reply: WorkerReply) => this.#receive(reply));
    worker.on('error', (error) => this.#fail(new SmallfirstError('STORE_UNAVAILABLE', 'the worker of the store failed', { cause: error })));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#fail(new SmallfirstError('STORE_UNAVAILABLE', 'the store is closed'));
        resolve();
      });
    });
  }

  async ask(port: PortName | 'store', method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#gone) throw this.#gone;
    const id = this.#next++;
    const request: WorkerRequest = { id, port, method, args };
    this.#worker.postMessage(request);
    return this.#wait(id);
  }

  close(): Promise<void> {
    this.#closing ??= this.#gone
      ? this.#exited
      : this.ask('store', 'close', []).then(async () => {
          this.#worker.ref();
          await this.#exited;
        });
    return this.#closing;
  }

  /** While an answer is awaited the worker keeps the process alive; an idle one does not. */
  #wait(id: number): Promise<unknown> {
    this.#worker.ref();
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #receive(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(unpackError(reply.error));
  }

  #fail(error: SmallfirstError): void {
    this.#gone ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone);
    this.#waiting.clear();
  }
}
