import { SmallfirstError } from '../core/index.ts';

/** How long a database that is away is left alone before the next try, in milliseconds. */
const WAIT_MS = { first: 50, most: 2_000 };

/**
 * Does something with a database, again and again while that is away: what is not kept would have to be asked and paid for again.
 * Rejects with anything else, and with the last failure once the signal is aborted.
 */
export async function insistOnStore<T>(signal: AbortSignal, onTrouble: (why: string) => void, work: () => Promise<T>): Promise<T> {
  for (let waitMs = WAIT_MS.first; ; waitMs = Math.min(WAIT_MS.most, waitMs * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SmallfirstError) || error.code !== 'STORE_UNAVAILABLE' || signal.aborted) throw error;
      onTrouble(error.message);
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, waitMs);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
