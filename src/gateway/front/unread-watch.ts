import type { Socket } from 'node:net';

/** What net.Socket does not say in its types: how many bytes of what was written the system has not taken yet. */
interface Queued {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** How far a connection whose client is behind had come, and since when it stands there. */
interface Standstill {
  readonly written: number;
  readonly queued: number;
  readonly since: number;
}

/**
 * Ends connections whose clients take nothing of what waits for them. What a client sends meanwhile is no sign of life here, unlike for
 * the timers of node:net. Progress is seen where the system takes more of it, which it does in steps of about a megabyte.
 */
export class UnreadWatch {
  readonly #limitMs: number;
  readonly #behind = new WeakMap<Socket, Standstill>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Looks at a connection; at every one from time to time. */
  look(socket: Socket, now: number): void {
    if (socket.writableLength === 0) {
      this.#behind.delete(socket);
      return;
    }
    const written = socket.bytesWritten - socket.writableLength;
    const queued = (socket as Queued)._handle?.writeQueueSize ?? 0;
    const before = this.#behind.get(socket);
    if (before === undefined || before.written !== written || before.queued !== queued) {
      this.#behind.set(socket, { written, queued, since: now });
    } else if (now - before.since > this.#limitMs) socket.destroy();
  }
}
