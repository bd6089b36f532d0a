import type { CommandIo, Progress } from '../io.ts';

/** One bar per phase of training, each ended before the next begins. */
export class PhaseBars {
  readonly #io: CommandIo;
  #phase: string | null = null;
  #bar: Progress | null = null;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  advance({ phase, done, total }: { readonly phase: string; readonly done: number; readonly total: number }): void {
    if (phase !== this.#phase) {
      this.end();
      this.#phase = phase;
      this.#bar = this.#io.progress(phase, total);
    }
    this.#bar?.advance(done);
  }

  end(): void {
    this.#bar?.end();
    this.#bar = null;
  }
}
