import { isAvailable, type LiveTarget } from './target.ts';
import type { OutboundCall, UpstreamRequest } from './types.ts';

const NO_KEYS: ReadonlySet<number> = new Set();

/** What one request can still turn to: the targets of its route with what it tried of them. */
export class Alternatives {
  readonly #targets: readonly LiveTarget[];
  readonly #request: UpstreamRequest;
  /** By place of the target: lists of one or two are made for every request, and cost less than maps. */
  readonly #calls: (OutboundCall | null | undefined)[] = [];
  readonly #triedKeys: (ReadonlySet<number> | undefined)[] = [];

  constructor(targets: readonly LiveTarget[], request: UpstreamRequest) {
    this.#targets = targets;
    this.#request = request;
  }

  /** What writing the request last threw, null when it never did. */
  writeError: unknown = null;

  /** The request for a target, null when the target cannot serve it. Written once for each. */
  callFor(target: LiveTarget): OutboundCall | null {
    const place = this.#targets.indexOf(target);
    let call = this.#calls[place];
    if (call === undefined) {
      call = this.#write(target);
      this.#calls[place] = call;
    }
    return call;
  }

  /** Caught here, because a later target is written in a timer or a socket's callback, where nobody else could. */
  #write(target: LiveTarget): OutboundCall | null {
    try {
      return this.#request.write(target.info);
    } catch (error) {
      this.writeError = error;
      return null;
    }
  }

  /** Whether the request can be sent to a target once more: a stream cannot. */
  canRepeat(target: LiveTarget): boolean {
    const body = this.callFor(target)?.body ?? null;
    return body === null || Buffer.isBuffer(body);
  }

  /** The first target that would take it; where none would, the last one is tried all the same. Null when none can serve it. */
  first(now: number): LiveTarget | null {
    return this.#next(now, false);
  }

  /** The same among the targets that were not tried yet. */
  untried(now: number): LiveTarget | null {
    return this.#next(now, true);
  }

  /** The first target that would take it now, tried or not. */
  available(now: number): LiveTarget | null {
    for (const target of this.#targets) if (isAvailable(target, now) && this.callFor(target) !== null) return target;
    return null;
  }

  /** Whether a key of a target that was not tried is ready. */
  hasOtherKey(target: LiveTarget, now: number): boolean {
    return target.keys.size > 1 && isAvailable(target, now, this.#triedKeys[this.#targets.indexOf(target)] ?? NO_KEYS);
  }

  /** Counts a target as tried without any of its keys. */
  skip(target: LiveTarget): void {
    this.#triedKeys[this.#targets.indexOf(target)] ??= NO_KEYS;
  }

  /** Takes the key for the next attempt. */
  takeKey(target: LiveTarget, now: number): number {
    const tried = this.#triedKeys[this.#targets.indexOf(target)] ?? NO_KEYS;
    const key = target.keys.pick(now, tried);
    // One key needs no memory of which was tried.
    this.#triedKeys[this.#targets.indexOf(target)] = target.keys.size > 1 ? new Set([...tried, key]) : NO_KEYS;
    return key;
  }

  #next(now: number, onlyUntried: boolean): LiveTarget | null {
    let last: LiveTarget | null = null;
    for (const [place, target] of this.#targets.entries()) {
      if ((onlyUntried && this.#triedKeys[place] !== undefined) || this.callFor(target) === null) continue;
      if (isAvailable(target, now)) return target;
      last = target;
    }
    return last;
  }
}
