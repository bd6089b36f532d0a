import { SmallfirstError } from '../core/index.ts';
import type { Pacer } from './pacer.ts';

/** What asking again needs. */
export interface InsistDeps {
  readonly pacer: Pacer;
  readonly signal: AbortSignal | null;
  /** Hears that what is asked waits; whoever sends it tells that it goes out. Absent where nobody wants to know. */
  readonly held?: ((isHeld: boolean) => void) | undefined;
  /** Milliseconds on the pacer's clock. */
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Times that a call is tried in all, where trying again can help; meeting a limit is no try. */
const TRIES = 6;
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 60_000;
/** Whatever the provider says. */
const SHORTEST_WAIT_MS = 100;
/** A limit is waited out as long as anybody gets an answer, and this long after the last one. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Asks until there is an answer, each time from a place of the pacer: a limit that was met is no reason to give a row up. Waits as long
 * as the provider says, else twice as long each time. Rejects with the last failure, or ABORTED.
 */
export async function insist<T>(deps: InsistDeps, ask: () => Promise<T>): Promise<T> {
  const { pacer, signal, now, held } = deps;
  const startedAt = now();
  let failures = 0;
  held?.(true);
  for (let waits = 0; ; waits += 1) {
    const enteredAt = await pacer.enter(signal).catch((cause: unknown) => {
      throw new SmallfirstError('ABORTED', 'the job was stopped', { cause });
    });
    try {
      const answer = await ask();
      pacer.leave('answered');
      return answer;
    } catch (error) {
      const isLimit = error instanceof SmallfirstError && error.code === 'UPSTREAM_BUSY';
      const retryAfterMs = (error as { readonly retryAfterMs?: number | null }).retryAfterMs ?? null;
      pacer.leave(isLimit ? 'limited' : 'failed', retryAfterMs, enteredAt);
      if (!(error instanceof SmallfirstError) || !error.row.retry || error.code === 'DEADLINE_EXCEEDED') throw error;
      if (!isLimit) failures += 1;
      const lastSign = Math.max(startedAt, pacer.answeredAt);
      if (isLimit ? now() - lastSign > PATIENCE_MS : failures >= TRIES) throw error;
      held?.(true);
      const own = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** waits);
      await pause(retryAfterMs === null ? own : Math.max(SHORTEST_WAIT_MS, retryAfterMs), deps);
    }
  }
}

function pause(ms: number, { signal, after }: InsistDeps): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      callOff();
      reject(new SmallfirstError('ABORTED', 'the job was stopped'));
    };
    const callOff = after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
