import type { EpochMs, NanoUsd } from '../core/index.ts';

const DAY_MS = 86_400_000;

/** The most that may be spent per day (UTC) and in all; null is no limit. */
export interface SpendLimits {
  readonly perDay: NanoUsd | null;
  readonly total: NanoUsd | null;
}

/** Money that is set aside until it is known what was spent. */
export interface SpendHold {
  readonly amount: NanoUsd;
}

/** What was spent before: today (UTC) and in all. */
export interface Spent {
  readonly today: NanoUsd;
  readonly total: NanoUsd;
}

/** Which limit has no room. */
export type SpendRefusal = 'day' | 'total' | 'unpriced' | 'unknown';

/** A cap on what calls beside the answers may cost: reserved by the worst case, settled by what it was. */
export class SpendCap {
  readonly limits: SpendLimits;
  #day = 0;
  #today = 0;
  #total = 0;
  #reserved = 0;
  #isKnown: boolean;

  constructor(limits: SpendLimits) {
    this.limits = limits;
    // Without a limit nothing need be remembered.
    this.#isKnown = limits.perDay === null && limits.total === null;
  }

  /** Adds what earlier processes spent; until then a limited cap refuses everything. */
  restore(spent: Spent, now: EpochMs): void {
    this.#roll(now);
    this.#today += spent.today;
    this.#total += spent.total;
    this.#isKnown = true;
  }

  /** Sets an amount aside, or says which limit it would break. `worst` is null for a model without a price, which fits no limit. */
  reserve(worst: NanoUsd | null, now: EpochMs): SpendHold | SpendRefusal {
    this.#roll(now);
    const { perDay, total } = this.limits;
    if (perDay === null && total === null) return { amount: 0 as NanoUsd };
    if (!this.#isKnown) return 'unknown';
    if (worst === null) return 'unpriced';
    if (total !== null && this.#total + this.#reserved + worst > total) return 'total';
    if (perDay !== null && this.#today + this.#reserved + worst > perDay) return 'day';
    this.#reserved += worst;
    return { amount: worst };
  }

  /** Books what a held call cost; null books all that was held. */
  settle(hold: SpendHold, cost: NanoUsd | null, now: EpochMs): void {
    this.#roll(now);
    const spent = cost ?? hold.amount;
    this.#reserved -= hold.amount;
    this.#total += spent;
    this.#today += spent;
  }

  /** What is spent now, without what is held. */
  spent(now: EpochMs): Spent {
    this.#roll(now);
    return { today: this.#today as NanoUsd, total: this.#total as NanoUsd };
  }

  #roll(now: EpochMs): void {
    const day = Math.floor(now / DAY_MS);
    if (day <= this.#day) return;
    this.#day = day;
    this.#today = 0;
  }
}

/** The start of the day (UTC) that holds a time. */
export function dayStart(now: EpochMs): EpochMs {
  return Math.floor(now / DAY_MS) * DAY_MS;
}
