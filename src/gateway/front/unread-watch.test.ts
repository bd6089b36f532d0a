import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnreadWatch } from './unread-watch.ts';

/** More than the kernel keeps for a client that does not read. */
const LONG = Buffer.alloc(64 * 1024 * 1024);
const LIMIT_MS = 1_000;

let server: Server;
let client: Socket;
/** The server's side of the client's connection. */
let socket: Socket;
let watch: UnreadWatch;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  client = connect(port, '127.0.0.1').pause();
  client.on('error', () => undefined);
  [socket] = await accepted;
  socket.on('error', () => undefined);
  watch = new UnreadWatch(LIMIT_MS);
});
afterEach(() => {
  client.destroy();
  socket.destroy();
  server.close();
});

const queued = (): number => (socket as unknown as { _handle: { writeQueueSize: number } })._handle.writeQueueSize;
/** Waits until the system takes no more of what is written, and says how much is left. */
async function full(): Promise<number> {
  for (let left = queued(), same = 0; ; ) {
    await turn();
    same = queued() === left ? same + 1 : 0;
    left = queued();
    if (left > 0 && same > 1_000) return left;
  }
}

describe('a connection on which something waits', () => {
  it.each([
    ['one long piece', () => socket.write(LONG)],
    ['many pieces', () => Array.from({ length: 64 }, () => socket.write(LONG.subarray(0, 1 << 20)))],
  ])('ends when its client has taken nothing for the time, whatever it sends: %s', async (_what, write) => {
    write();
    await full();
    const sent = once(socket, 'data');
    client.write('x');
    await sent;
    watch.look(socket, 0);
    watch.look(socket, LIMIT_MS);
    expect(socket.destroyed).toBe(false);
    watch.look(socket, LIMIT_MS + 1);
    expect(socket.destroyed).toBe(true);
  });

  it('goes on as long as its client takes some, also of one long piece', async () => {
    socket.write(LONG);
    let left = await full();
    watch.look(socket, 0);
    for (let i = 1; i <= 5; i += 1) {
      client.resume();
      const before = left;
      while (queued() === before) await turn();
      client.pause();
      left = await full();
      watch.look(socket, i * LIMIT_MS * 2);
      expect(socket.destroyed).toBe(false);
    }
    watch.look(socket, 11 * LIMIT_MS + 1);
    expect(socket.destroyed).toBe(true);
  });

  it('begins anew with whatever waits later', async () => {
    socket.write(LONG);
    await full();
    watch.look(socket, 0);
    client.resume();
    while (socket.writableLength > 0) await turn();
    client.pause();
    watch.look(socket, LIMIT_MS * 2);
    socket.write(LONG);
    await full();
    watch.look(socket, LIMIT_MS * 9);
    expect(socket.destroyed).toBe(false);
  });
});

it('a connection on which nothing waits stays, however long', () => {
  socket.write('a little');
  for (let i = 0; i < 3; i += 1) watch.look(socket, i * LIMIT_MS * 5);
  expect(socket.destroyed).toBe(false);
});
