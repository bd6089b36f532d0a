import { SmallfirstError } from '../../core/index.ts';
import type { CallContext } from '../types.ts';
import { Limiter } from '../upstream/limiter.ts';
import { UpstreamError } from '../upstream/types.ts';

/** Asks again after about as long as a short answer takes. */
const RETRY_AFTER_MS = 1_000;

/** A fixed number of things that callers use one at a time, with a bounded line before them. First come, first served. */
export class Slots<Thing> {
  readonly #limiter: Limiter;
  readonly #free: Thing[];
  readonly #name: string;

  constructor(name: string, things: readonly Thing[], queue: number) {
    this.#name = name;
    this.#free = [...things];
    this.#limiter = new Limiter(things.length, queue);
  }

  get waiting(): number {
    return this.#limiter.waiting;
  }

  /**
   * A thing that is free, after those who came before. Whoever takes one gives it back. Throws UPSTREAM_BUSY when the line is full,
   * ABORTED when the caller leaves it.
   */
  async take(context: Pick<CallContext, 'signal'>): Promise<Thing> {
    throwIfGone(context.signal);
    if (!this.#limiter.tryEnter()) await this.#wait(context.signal);
    const thing = this.#free.pop();
    if (thing === undefined) throw new SmallfirstError('INTERNAL', 'A slot was entered and none is free.');
    return thing;
  }

  giveBack(thing: Thing): void {
    this.#free.push(thing);
    this.#limiter.leave();
  }

  #wait(signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#limiter.forget(waiter);
        reject(new SmallfirstError('ABORTED', 'The caller went away while it waited for the model.'));
      };
      const waiter = {
        enter: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      if (!this.#limiter.queue(waiter)) {
        reject(
          new UpstreamError('UPSTREAM_BUSY', `Too many requests are under way or in line for ${this.#name}.`, {
            retryAfterMs: RETRY_AFTER_MS,
          }),
        );
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}

/** Throws ABORTED when the caller has gone. */
export function throwIfGone(signal: AbortSignal | null): void {
  if (signal?.aborted) throw new SmallfirstError('ABORTED', 'The call was aborted.');
}
