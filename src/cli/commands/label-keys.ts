/** A terminal's keys: what a raw standard input is, as far as labelling needs it. */
export interface KeySource extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/**
 * The keys that are pressed, one character each, until the source ends or the signal is aborted; a paste is many keys. Arrow keys and
 * others that send escape sequences are left out. The terminal is put back as it was, however this ends.
 */
export async function* keysOf(source: KeySource, signal: AbortSignal): AsyncGenerator<string> {
  const waiting: string[] = [];
  let wake: (() => void) | null = null;
  let ended = signal.aborted;
  const tell = (): void => wake?.();
  const onData = (chunk: Buffer | string): void => {
    waiting.push(...Array.from(chunk.toString().replace(/\u001b(\[[0-9;]*[A-Za-z~]|O[A-Z]|.)?/g, '')));
    tell();
  };
  const onEnd = (): void => {
    ended = true;
    tell();
  };
  source.setRawMode?.(true);
  source.on('data', onData);
  source.on('end', onEnd);
  signal.addEventListener('abort', onEnd);
  source.resume();
  try {
    for (;;) {
      const key = waiting.shift();
      if (key !== undefined) yield key;
      else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    source.off('data', onData);
    source.off('end', onEnd);
    signal.removeEventListener('abort', onEnd);
    source.setRawMode?.(false);
    source.pause();
  }
}
