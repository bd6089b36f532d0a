import { constants, setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from './core/index.ts';
import { Ingest, type IngestOrder, type IngestThreadData, type StoreLocation } from './run/index.ts';
import { openPostgresStore, openSqliteStore, type Store } from './store/index.ts';

/** Short, because the spool waits at no cost and an order to end must be heard. */
const BUSY_TIMEOUT_MS = 500;
/** Rows are appended: old pages are hardly ever read again, and memory should not grow with the file. */
const CACHE_MIB = 8;

function openStore(location: StoreLocation): Promise<Store> {
  if (location.kind === 'sqlite') return openSqliteStore(location.path, { busyTimeoutMs: BUSY_TIMEOUT_MS, cacheMib: CACHE_MIB });
  const { url, schema, maxConnections = 2 } = location;
  return openPostgresStore(url, { maxConnections, ...(schema === undefined ? {} : { schema }) });
}

/** Runs an ingest for the thread at the other end of a port, until that orders its end. */
async function serve(port: MessagePort, data: IngestThreadData): Promise<void> {
  const ingest = new Ingest(data.settings, {
    clock: systemClock,
    openStore: () => openStore(data.store),
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
