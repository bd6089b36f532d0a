import { constants, setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from './core/index.ts';
import { Ingest, type IngestOrder, type IngestThreadData } from './run/index.ts';
import { openStore } from './store/index.ts';

const STORE_OPTIONS = {
  // Short, because the spool waits at no cost and an order to end must be heard.
  busyTimeoutMs: 500,
  // Rows are appended: old pages are hardly ever read again, and memory should not grow with the file.
  cacheMib: 8,
  maxConnections: 2,
  // A server that went away without a word is asked again over a new connection.
  queryTimeoutMs: 60_000,
};

/** Runs an ingest for the thread at the other end of a port, until that orders its end. */
async function serve(port: MessagePort, data: IngestThreadData): Promise<void> {
  const ingest = new Ingest(data.settings, {
    clock: systemClock,
    openStore: () => openStore(data.store, STORE_OPTIONS),
    report: (report) => port.postMessage(report),
  });
  port.on('message', (order: IngestOrder) => {
    if (order === 'end') ingest.end();
    else ingest.hurry();
  });
  await ingest.run();
  port.close();
}

/** Answers come first, and what waits in the spool is safe. Only Linux gives a thread a priority of its own; elsewhere it is the process's. */
function yieldToAnswers(): void {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
}

yieldToAnswers();
if (parentPort) await serve(parentPort, workerData as IngestThreadData);
