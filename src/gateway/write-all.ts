import type { ClientAnswer } from './client.ts';
import type { Stream } from './stream.ts';

/** Writes to a client. A promise where the client reads slower than the model writes; it ends when the client has gone, too. */
export function writeAll(response: ClientAnswer, stream: Stream | null, text: string): void | Promise<void> {
  if (text === '' || response.destroyed) return;
  const bytes = Buffer.from(text);
  stream?.passed(bytes);
  if (response.write(bytes)) return;
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
