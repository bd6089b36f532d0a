import type { Call } from '../core/index.ts';
import type { Body, Recorder } from '../run/index.ts';

/** Whoever waits until its row is durable. */
export interface Booked {
  onBooked(): void;
  /** `onBooked` threw. */
  onBookedFailed(error: unknown): void;
}

/**
 * Rows that are made in one turn of the event loop, written to the spool with one write at its end. Whoever made one goes on when it is
 * durable. At full speed many answers end in each turn, and a write for each would cost more than everything else about recording.
 */
export class Booking {
  readonly #recorder: Pick<Recorder, 'record'>;
  #rows: Call[] = [];
  #bodies: Body[] = [];
  #waiting: Booked[] = [];
  readonly #flush = (): void => this.#write();

  constructor(recorder: Pick<Recorder, 'record'>) {
    this.#recorder = recorder;
  }

  add(row: Call, owner: Booked, bodies?: readonly Body[]): void {
    if (this.#rows.length === 0) setImmediate(this.#flush);
    this.#rows.push(row);
    if (bodies !== undefined) this.#bodies.push(...bodies);
    this.#waiting.push(owner);
  }

  #write(): void {
    const rows = this.#rows;
    const waiting = this.#waiting;
    const bodies = this.#bodies;
    this.#rows = [];
    this.#waiting = [];
    if (bodies.length > 0) this.#bodies = [];
    this.#recorder.record(rows, bodies);
    for (const owner of waiting) {
      try {
        owner.onBooked();
      } catch (error) {
        // One answer that cannot be written must not keep the others waiting.
        owner.onBookedFailed(error);
      }
    }
  }
}
