/**
 * The reference: the least that a proxy can do with node:http and undici. It collects the request, sends it on with the headers that
 * matter, and writes what comes back. It reads nothing, records nothing, retries nothing. Prints its URL when it listens.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Dispatcher, Pool } from 'undici';

const upstream = process.argv[2];
if (upstream === undefined) throw new Error('usage: bare-proxy UPSTREAM_ORIGIN');
const pool = new Pool(upstream, { pipelining: 1 });

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #abort: (() => void) | null = null;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('close', () => {
      if (!response.writableFinished) this.#abort?.();
    });
  }

  onConnect(abort: () => void): void {
    this.#abort = abort;
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    const headers: string[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = String(raw[i]).toLowerCase();
      if (name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding' && name !== 'date')
        headers.push(name, String(raw[i + 1]));
    }
    this.#response.writeHead(status, headers);
    this.#response.on('drain', resume);
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  onComplete(): void {
    this.#response.end();
  }

  onError(): void {
    this.#response.destroy();
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { 'content-type': type = 'application/json', authorization = '' } = request.headers;
    pool.dispatch(
      {
        path: request.url ?? '/',
        method: (request.method ?? 'POST') as Dispatcher.HttpMethod,
        headers: ['content-type', type, 'authorization', authorization],
        body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
      },
      new Answer(response),
    );
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
