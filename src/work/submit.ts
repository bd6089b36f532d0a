import type { InputRow } from '../batch/types.ts';
import { type Clock, SmallfirstError } from '../core/index.ts';
import type { WorkStore } from '../store/index.ts';

/** How rows become cells. */
export interface SubmitOptions {
  /** Rows of a cell. */
  readonly size: number;
  /** Cells that may be left to do before more are added: the input waits, so that neither the database nor Redis grows with it. */
  readonly mostLeft: number;
  /** Rows of the input that are there already. */
  readonly skip: number;
}

/** What submitting needs. */
export interface SubmitDeps {
  readonly clock: Clock;
  readonly store: Pick<WorkStore, 'addRows' | 'cellsLeft' | 'loaded'>;
  readonly insist: <T>(work: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number) => void;
}

/** How often a submitter that waits looks whether it may go on. */
const LOOK_MS = 100;
/** Cells that are added by one statement. */
const TOGETHER = 20;

/**
 * Adds the rows of an input to a job, waiting whenever enough is left to do. Returns how many rows the input had. Throws ABORTED where
 * it was stopped: what is there stays, and the same input goes on from there.
 */
export async function submitRows(
  job: string,
  rows: AsyncIterable<readonly InputRow[]>,
  options: SubmitOptions,
  deps: SubmitDeps,
): Promise<number> {
  const { store, insist, signal } = deps;
  let seen = 0;
  let waiting: InputRow[] = [];
  const add = async (): Promise<void> => {
    const some = waiting;
    waiting = [];
    let left = await insist(() => store.addRows(job, some, options.size));
    while (left >= options.mostLeft) {
      await pause(LOOK_MS, signal);
      left = await insist(() => store.cellsLeft(job));
    }
  };
  const together = options.size * Math.max(1, Math.min(TOGETHER, Math.floor(options.mostLeft / 2)));
  for await (const group of rows) {
    for (const row of group) {
      seen += 1;
      if (row.ordinal < options.skip) continue;
      waiting.push(row);
      if (waiting.length >= together) await add();
    }
    if (signal.aborted) throw new SmallfirstError('ABORTED', 'submitting was stopped');
    deps.onProgress(seen);
  }
  if (waiting.length > 0) await insist(() => store.addRows(job, waiting, options.size));
  await insist(() => store.loaded(job, deps.clock.now()));
  return seen;
}

/** Waits. Rejects with ABORTED when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    function onAbort(): void {
      clearTimeout(timer);
      reject(new SmallfirstError('ABORTED', 'it was stopped'));
    }
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
