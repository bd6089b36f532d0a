import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Clock, SmallfirstError } from '../core/index.ts';

/** What a limit over many processes needs. */
export interface SlotsDeps {
  readonly redis: Pick<Redis, 'eval' | 'zrem' | 'status'>;
  readonly clock: Clock;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** A process that was killed holds its places no longer than this. */
const LEASE_MS = 15_000;
const RENEW_MS = LEASE_MS / 3;
/** A place that was held so long goes back to everybody, so that one process cannot keep it for ever. */
const TURN_MS = 500;
/** Who closes waits no longer than this for the server: what it could not give back ends with its lease. */
const GIVE_BACK_MS = 1_000;
/** How long a process that got nothing waits before it asks again; half of it by chance. */
const ASK_MS = 20;

/**
 * One step at the server, so that no two processes take the same place: drops places of the dead, and takes as many as are wanted and
 * free. Time is the server's own.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local free = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
local taken = 0
for i = 3, #ARGV do
  if taken >= free then break end
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[i])
  taken = taken + 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 4)
return taken`;

/** Holds on to places, also where the server has forgotten them in the meantime. */
const RENEW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 4)
return 1`;

interface Waiter {
  readonly go: (slot: Slot) => void;
  readonly stop: (error: unknown) => void;
}

interface Slot {
  readonly member: string;
  readonly since: number;
}

/**
 * Places for calls that any number of processes share: at most `limit` are taken at any time, by leases in Redis that end with a process
 * that was killed. A server that comes back empty learns of the places that are held at their next renewal; until then more may be taken.
 */
export class Slots {
  readonly #deps: SlotsDeps;
  readonly #key: string;
  readonly #limit: number;
  readonly #held = new Set<string>();
  readonly #line: Waiter[] = [];
  /** A question that is under way. */
  #asking: Promise<void> | null = null;
  #isClosed = false;
  #renewal: (() => void) | null = null;

  constructor(name: string, limit: number, deps: SlotsDeps) {
    this.#key = `smallfirst:slots:${name}`;
    this.#limit = limit;
    this.#deps = deps;
  }

  /** Waits for a place; returns how to give it back. Rejects with ABORTED when the signal is aborted before. */
  async enter(signal: AbortSignal | null): Promise<() => void> {
    const slot = await new Promise<Slot>((resolve, reject) => {
      const waiter: Waiter = {
        go: (slot) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(slot);
        },
        stop: reject,
      };
      const onAbort = (): void => {
        const at = this.#line.indexOf(waiter);
        if (at !== -1) this.#line.splice(at, 1);
        reject(new SmallfirstError('ABORTED', 'the job was stopped'));
      };
      if (signal?.aborted === true || this.#isClosed) {
        onAbort();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#line.push(waiter);
      this.#ask();
    });
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      this.#leave(slot);
    };
  }

  /** Gives every place back and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#renewal?.();
    for (const waiter of this.#line.splice(0)) waiter.stop(new SmallfirstError('ABORTED', 'the job was stopped'));
    if (this.#deps.redis.status === 'ready') {
      let callOff = (): void => {};
      const late = new Promise<void>((resolve) => {
        callOff = this.#deps.after(GIVE_BACK_MS, resolve);
      });
      await Promise.race([this.#giveBack(), late]);
      callOff();
    }
    this.#held.clear();
  }

  async #giveBack(): Promise<void> {
    // Its answer may bring places that nobody waits for any more.
    await this.#asking;
    if (this.#held.size > 0) await this.#deps.redis.zrem(this.#key, ...this.#held).catch(() => 0);
  }

  /** The next one here takes the place over, while it is not others' turn. */
  #leave(slot: Slot): void {
    const isOurs = this.#deps.clock.monotonic() - slot.since < TURN_MS && !this.#isClosed;
    const next = isOurs ? this.#line.shift() : undefined;
    if (next !== undefined) {
      next.go(slot);
      return;
    }
    this.#held.delete(slot.member);
    // A place that cannot be given back ends with its lease.
    this.#deps.redis.zrem(this.#key, slot.member).catch(() => {});
    if (this.#line.length > 0) this.#ask();
  }

  #ask(): void {
    if (this.#asking !== null || this.#line.length === 0 || this.#isClosed) return;
    this.#asking = this.#take().then((taken) => {
      this.#asking = null;
      if (this.#line.length === 0) return;
      if (taken > 0) this.#ask();
      else this.#deps.after(ASK_MS / 2 + (Math.random() * ASK_MS) / 2, () => this.#ask());
    });
  }

  async #take(): Promise<number> {
    const wanted = Array.from({ length: Math.min(this.#line.length, this.#limit) }, () => randomUUID());
    const taken = await this.#deps.redis
      .eval(TAKE, 1, this.#key, this.#limit, LEASE_MS, ...wanted)
      .then(Number)
      .catch(() => 0);
    const since = this.#deps.clock.monotonic();
    for (const member of wanted.slice(0, taken)) {
      this.#held.add(member);
      if (this.#isClosed) continue;
      const waiter = this.#line.shift();
      if (waiter === undefined) this.#leave({ member, since: Number.NEGATIVE_INFINITY });
      else waiter.go({ member, since });
    }
    if (taken > 0 && !this.#isClosed) this.#keep();
    return taken;
  }

  #keep(): void {
    if (this.#renewal !== null) return;
    const callOff = this.#deps.after(RENEW_MS, () => {
      this.#renewal = null;
      if (this.#isClosed || this.#held.size === 0) return;
      this.#deps.redis.eval(RENEW, 1, this.#key, LEASE_MS, ...this.#held).catch(() => {});
      this.#keep();
    });
    this.#renewal = () => {
      callOff();
      this.#renewal = null;
    };
  }
}
