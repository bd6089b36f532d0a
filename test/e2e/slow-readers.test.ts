import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo } from '../support/raw-http.ts';
import { runCommand, type ServedGateway, serveHere } from '../support/serve.ts';

/** Longer than the kernel keeps for a client that does not read. */
const LONG = 64 * 1024 * 1024;
const BODY = '{"model":"m","stream":true}';
const FRAME = `data: {"choices":[{"index":0,"delta":{"content":"${'z'.repeat(60_000)}"}}]}\n\n`;
const LAST = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
/** A request that the front reads, and one in chunks, which is node:http's. */
const REQUESTS = {
  'read by the front': `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'read by node:http': `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
};
const readers = Object.entries(REQUESTS);

let upstream: Server;
let origin: string;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

const serve = (server: string): Promise<ServedGateway> =>
  serveHere({
    config: `models: { m: { provider: openai, model: m, url: "${origin}/v1", apiKey: k, retries: 0 } }\nserver: ${server}\n`,
  });

/** Sends a request on a connection that reads nothing. */
async function mute(gateway: ServedGateway, request: string): Promise<Socket> {
  const socket = await connectTo(gateway.url);
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(request);
  return socket;
}

/** Streams frames as fast as they are taken, `bytes` in all; tells how many were written, and when writing has stood still for half a second. */
function flood(response: ServerResponse, bytes: number): { written: () => number; stands: Promise<void> } {
  let written = 0;
  const stands = new Promise<void>((resolve) => {
    const more = (): void => {
      while (!response.destroyed && written < bytes) {
        written += FRAME.length;
        if (!response.write(FRAME)) break;
      }
      if (written >= bytes) {
        response.end(LAST);
        return;
      }
      const timer = setTimeout(resolve, 500);
      response.once('drain', () => {
        clearTimeout(timer);
        more();
      });
    };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    more();
  });
  return { written: () => written, stands };
}

describe('a client that reads nothing', () => {
  it.each(readers)('holds its upstream back instead of filling memory, %s', async (_who, request) => {
    const gateway = await serve('{}');
    const flooding = new Promise<ReturnType<typeof flood>>((resolve) => {
      answer = (response) => resolve(flood(response, 400_000_000));
    });
    const socket = await mute(gateway, request);
    const { written, stands } = await flooding;
    await stands;
    expect(written()).toBeLessThan(100_000_000);
    socket.destroy();
    await gateway.remove();
  });

  it.each(readers)('is cut off after its time, takes its upstream request with it, and is recorded as gone, %s', async (_who, request) => {
    const gateway = await serve('{ sendTimeoutSeconds: 0.2, pingSeconds: 0.1 }');
    const left = new Promise<void>((resolve) => {
      answer = (response) => {
        response.on('close', () => resolve());
        flood(response, 400_000_000);
      };
    });
    const socket = await mute(gateway, request);
    await left;
    // What the kernel kept for it comes, and then its end, with nothing that looks like one of a stream.
    let heard = '';
    socket.on('data', (bytes) => {
      heard = (heard + bytes).slice(-1_000);
    });
    socket.resume();
    await once(socket, 'close');
    expect(heard).not.toContain('[DONE]');
    await gateway.stop();
    const bill = JSON.parse(await runCommand(['bill', '--data', gateway.dataDir, '--by', 'outcome', '--json']));
    expect(bill.rows).toMatchObject([{ outcome: 'aborted', calls: 0, attempts: 1 }]);
    await gateway.remove();
  });
});

describe('a client that waits for a silent model', () => {
  it.each(readers)('is not cut off, however long that takes, %s', async (_who, request) => {
    const gateway = await serve('{ sendTimeoutSeconds: 0.1, pingSeconds: 600 }');
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(FRAME);
      setTimeout(() => response.end(LAST), 700);
    };
    const socket = await connectTo(gateway.url);
    let heard = '';
    socket.on('data', (bytes) => {
      heard = (heard + bytes).slice(-200);
      if (heard.includes('[DONE]')) socket.destroy();
    });
    socket.write(request);
    await once(socket, 'close');
    expect(heard).toContain('[DONE]');
    await gateway.remove();
  });
});

describe('a client that reads slowly', () => {
  it('gets everything, however long that takes', async () => {
    const gateway = await serve('{ sendTimeoutSeconds: 2, pingSeconds: 0.1 }');
    const startedAt = performance.now();
    answer = (response) => {
      flood(response, LONG);
    };
    const socket = await connectTo(gateway.url);
    let [tail, length] = ['', 0];
    socket.on('data', (bytes) => {
      length += bytes.length;
      tail = (tail + bytes).slice(-200);
      if (tail.includes('[DONE]')) socket.destroy();
      socket.pause();
      // A thousand reads, of which each takes a little of the time that it has.
      setTimeout(() => socket.resume(), 4);
    });
    socket.write(REQUESTS['read by the front']);
    await once(socket, 'close');
    expect([tail.includes('[DONE]'), length > LONG, performance.now() - startedAt > 3_000]).toEqual([true, true, true]);
    await gateway.remove();
  });
});
