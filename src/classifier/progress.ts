import type { TrainingOptions } from './types.ts';

/** Reports each phase in units that people see move: texts, percent, outputs. */
export class Progress {
  readonly #report: TrainingOptions['onProgress'];

  constructor(report: TrainingOptions['onProgress']) {
    this.#report = report;
  }

  scan(done: number, rows: number): void {
    this.#report?.({ phase: 'scan', done, total: rows });
  }

  /** `share` of cross-validation, 0..1. */
  crossValidate(share: number): void {
    this.#report?.({ phase: 'cross-validate', done: Math.round(share * 100), total: 100 });
  }

  /** `share` of the final fit, 0..1. */
  fit(share: number): void {
    this.#report?.({ phase: 'fit', done: Math.round(share * 100), total: 100 });
  }
}

/** Runs a training to its end. */
export function runToEnd<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
