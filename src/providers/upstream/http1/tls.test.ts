import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionPool } from './connection-pool.ts';
import { sharedRead } from './shared-read.ts';

const pem = (name: string) => readFileSync(new URL(`../../../../test/fixtures/tls/${name}.pem`, import.meta.url));
const certificate = pem('certificate');
const LONG = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));

const server = createServer({ key: pem('key'), cert: certificate }, (request, response) => {
  request.resume().on('end', () => response.end(request.url === '/long' ? LONG : `this is ${request.url}`));
});
let pool: ConnectionPool;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  pool = new ConnectionPool(`https://localhost:${(server.address() as AddressInfo).port}`, {
    connect: buildConnector({ timeout: 5_000, ca: certificate, onread: sharedRead }),
    now: () => performance.now(),
  });
});
afterAll(async () => {
  await pool?.destroy();
  server.close();
  server.closeAllConnections();
});

/** The body of an answer. `pauses`: the reader asks for a pause after each piece. */
function ask(path: string, pauses = false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const exchange = pool.send(
      { method: 'POST', path, headers: [], body: Buffer.from('{}'), timeoutMs: 10_000 },
      {
        onHead: () => undefined,
        onData: (bytes) => {
          pieces.push(bytes);
          if (pauses) setImmediate(() => exchange.resume());
          return !pauses;
        },
        onComplete: () => resolve(Buffer.concat(pieces)),
        onError: reject,
      },
    );
  });
}

describe('connections over TLS', () => {
  it('bring every byte of answers that come side by side into the one buffer that all read into', async () => {
    const paths = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? '/long' : `/${i}`));
    const bodies = await Promise.all(paths.map((path, i) => ask(path, i % 4 === 0)));
    for (const [i, body] of bodies.entries()) {
      const expected = paths[i] === '/long' ? LONG : Buffer.from(`this is ${paths[i]}`);
      expect(body.equals(expected), paths[i]).toBe(true);
    }
  });
});
