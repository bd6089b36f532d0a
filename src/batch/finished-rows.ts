import { type Checkpoint, NOTHING_DONE } from './journal.ts';

/** A finished row: its line for the output, or for the side file. */
export interface FinishedRow {
  readonly ordinal: number;
  readonly line: string;
  readonly isError: boolean;
}

/** Lines that are kept back before they are written, in UTF-16 units. */
const MAX_WAITING = 64 * 1024;

/** What takes the lines. */
export interface RowSink {
  /** Writes both, and then the checkpoint that says so. */
  write(output: string, errors: string, progress: Omit<Checkpoint, 'outputBytes' | 'errorBytes'>): void;
}

/**
 * Brings finished rows to the files, a block at a time: as they come, or in the order of the input, where a row waits for those before
 * it. What waits is bounded by how far its caller lets rows get ahead of `upTo`.
 */
export class FinishedRows {
  readonly #sink: RowSink;
  readonly #isOrdered: boolean;
  /** Finished out of order, not written yet (ordered) or written already (unordered). */
  readonly #waiting = new Map<number, FinishedRow | null>();
  #upTo: number;
  #output: string[] = [];
  #errors: string[] = [];
  #size = 0;
  #done: number;
  #failed: number;

  constructor(sink: RowSink, isOrdered: boolean, from: Checkpoint = NOTHING_DONE) {
    this.#sink = sink;
    this.#isOrdered = isOrdered;
    this.#upTo = from.upTo;
    this.#done = from.done;
    this.#failed = from.failed;
    for (const row of from.beyond) this.#waiting.set(row, null);
  }

  /** Every row before this one is finished. */
  get upTo(): number {
    return this.#upTo;
  }

  add(row: FinishedRow): void {
    if (this.#isOrdered) {
      this.#waiting.set(row.ordinal, row);
      for (let next = this.#waiting.get(this.#upTo); next != null; next = this.#waiting.get(this.#upTo)) {
        this.#waiting.delete(this.#upTo);
        this.#upTo += 1;
        this.#take(next);
      }
    } else {
      this.#waiting.set(row.ordinal, null);
      while (this.#waiting.delete(this.#upTo)) this.#upTo += 1;
      this.#take(row);
    }
    if (this.#size > MAX_WAITING) this.flush();
  }

  /** Writes what is ready. */
  flush(): void {
    if (this.#output.length === 0 && this.#errors.length === 0) return;
    this.#sink.write(this.#output.join(''), this.#errors.join(''), {
      upTo: this.#upTo,
      beyond: this.#isOrdered ? [] : [...this.#waiting.keys()],
      done: this.#done,
      failed: this.#failed,
    });
    this.#output = [];
    this.#errors = [];
    this.#size = 0;
  }

  #take({ line, isError }: FinishedRow): void {
    this.#size += line.length;
    if (isError) {
      this.#errors.push(line);
      this.#failed += 1;
    } else {
      this.#output.push(line);
      this.#done += 1;
    }
  }
}
