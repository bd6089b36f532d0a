import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Store } from '../types.ts';
import { packError, portMethods, type WorkerOptions, type WorkerReply, type WorkerRequest } from './protocol.ts';
import { openSqliteInThread } from './store.ts';

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** Serves a store to the thread at the other end of a port, until that closes it. */
async function serve(port: MessagePort, { path, options }: WorkerOptions): Promise<void> {
  const send = (reply: WorkerReply) => port.postMessage(reply);
  let store: Store;
  try {
    store = await openSqliteInThread(path, options);
  } catch (error) {
    send({ id: 0, ok: false, error: packError(error) });
    port.close();
    return;
  }
  // Each request is answered in the order in which it came, and closing waits for those before it.
  let last: Promise<unknown> = Promise.resolve();
  port.on('message', (request: WorkerRequest) => {
    last = last
      .then(() => methodOf(store, request)(...request.args))
      .then(
        (value) => send({ id: request.id, ok: true, value }),
        (error: unknown) => send({ id: request.id, ok: false, error: packError(error) }),
      )
      .then(() => {
        if (request.port === 'store' && request.method === 'close') port.close();
      });
  });
  send({ id: 0, ok: true, value: null });
}

function methodOf(store: Store, { port, method }: WorkerRequest): Method {
  if (port === 'store') {
    if (method === 'flush') return () => store.flush();
    if (method === 'close') return () => store.close();
  } else if (Object.hasOwn(portMethods[port], method)) {
    const target = store[port] as unknown as Record<string, Method>;
    return (...args) => target[method]!(...args);
  }
  throw new TypeError(`no method ${port}.${method}`);
}

if (parentPort) await serve(parentPort, workerData as WorkerOptions);
