import { connect, type Socket } from 'node:net';

/** What came back on a connection of our own making. */
export interface RawAnswer {
  /** The status of the first answer; null when none came before the connection ended. */
  readonly status: number | null;
  /** Everything that came, as text. */
  readonly text: string;
}

/** Opens a connection to a server. */
export function connectTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once('error', reject);
  });
}

/**
 * Writes bytes as they are, proper HTTP or not, and reads until the other side closes, or until as many complete answers with a
 * content-length came as were asked for.
 */
export async function sendRaw(url: string, bytes: string | Buffer, answers = 1): Promise<RawAnswer> {
  const socket = await connectTo(url);
  const chunks: Buffer[] = [];
  const text = () => Buffer.concat(chunks).toString('latin1');
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (countAnswers(text()) >= answers) resolve();
    });
    socket.once('close', () => resolve());
    // A reset by the other side is an end like any other here.
    socket.on('error', () => resolve());
    socket.write(bytes);
  });
  socket.destroy();
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text())?.[1];
  return { status: status === undefined ? null : Number(status), text: Buffer.concat(chunks).toString() };
}

function countAnswers(text: string): number {
  let rest = text;
  let count = 0;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return count;
    const length = Number(/content-length: *(\d+)/i.exec(rest.slice(0, end))?.[1] ?? Number.NaN);
    if (Number.isNaN(length) || rest.length < end + 4 + length) return count;
    rest = rest.slice(end + 4 + length);
    count += 1;
  }
}
