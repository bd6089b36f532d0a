import type { OnReadOpts, Socket } from 'node:net';

/** As much as the system is asked for at once. */
const READ_BYTES = 64 * 1024;

type Reader = (bytes: Buffer) => void;

const readers = new WeakMap<Socket, Reader>();

/**
 * What all sockets of ours read into: one buffer for the whole process, where Node would allocate 64 KiB for every read and give most of
 * it back. What is read is valid until the reader returns. Sockets are made with it (`onread` of net.connect and tls.connect).
 */
export const sharedRead: OnReadOpts = {
  buffer: Buffer.allocUnsafeSlow(READ_BYTES),
  callback(this: Socket, length: number, buffer: Uint8Array): boolean {
    const read = readers.get(this);
    // Nobody asked for anything on it yet: no server of HTTP speaks first.
    if (read === undefined) this.destroy();
    else read(buffer.subarray(0, length) as Buffer);
    return true;
  },
};

/** Gives what a socket reads to `reader`. The socket must have been made with `sharedRead`. */
export function readInto(socket: Socket, reader: Reader): void {
  readers.set(socket, reader);
}
