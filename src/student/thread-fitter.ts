import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, SmallfirstError } from '../core/index.ts';
import type { FitJob, Fitted, Fitter, StudentProgress } from './train-types.ts';

/** What the fitting thread tells. */
export type FitNews =
  | { readonly kind: 'progress'; readonly progress: StudentProgress }
  | { readonly kind: 'fitted'; readonly fitted: Fitted }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** Fits in a thread of its own, ended at once when the signal fires: this thread stays free to draw, to answer and to be interrupted. */
export function threadFitter(file: URL): Fitter {
  return (job, { signal, onProgress }) =>
    new Promise<Fitted>((resolve, reject) => {
      if (signal?.aborted) {
        reject(interrupted());
        return;
      }
      // Not this process's own options: some of them (--input-type) end a worker at once.
      const worker = new Worker(file, { workerData: job satisfies FitJob, execArgv: [] });
      const stop = (): void => {
        void worker.terminate();
        reject(interrupted());
      };
      signal?.addEventListener('abort', stop, { once: true });
      const over = (settle: () => void): void => {
        signal?.removeEventListener('abort', stop);
        void worker.terminate();
        settle();
      };
      worker.on('message', (news: FitNews) => {
        if (news.kind === 'progress') onProgress(news.progress);
        else if (news.kind === 'fitted') over(() => resolve(news.fitted));
        else over(() => reject(new SmallfirstError(news.code, news.message)));
      });
      worker.on('error', (error) =>
        over(() => reject(new SmallfirstError('INTERNAL', `the training thread ended: ${error.message}`, { cause: error }))),
      );
      worker.on('exit', () => over(() => reject(new SmallfirstError('INTERNAL', 'the training thread ended without a result'))));
    });
}

/** The compiled thread beside this file; null where this runs from its source, which Node 20 loads in no worker. */
export function fitThreadFile(): URL | null {
  const file = new URL('./fit-thread.js', import.meta.url);
  return existsSync(fileURLToPath(file)) ? file : null;
}

/** The error of a training that was called off. */
export function interrupted(): SmallfirstError {
  return new SmallfirstError('ABORTED', 'training was interrupted; nothing was written');
}
