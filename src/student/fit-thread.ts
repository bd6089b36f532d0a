import { parentPort, workerData } from 'node:worker_threads';
import { SmallfirstError } from '../core/index.ts';
import { fitInSteps } from './fit.ts';
import type { FitNews } from './thread-fitter.ts';
import type { FitJob } from './train-types.ts';

/** Fits one model and tells how it goes to the thread that asked; that one ends this thread when it is called off. */
function serve(tell: (news: FitNews) => void): void {
  try {
    const steps = fitInSteps(workerData as FitJob, (progress) => tell({ kind: 'progress', progress }));
    for (;;) {
      const step = steps.next();
      if (!step.done) continue;
      tell({ kind: 'fitted', fitted: step.value });
      return;
    }
  } catch (error) {
    const code = error instanceof SmallfirstError ? error.code : 'INTERNAL';
    tell({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
}

serve((news) => parentPort?.postMessage(news));
