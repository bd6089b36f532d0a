import type { EpochMs, NanoUsd } from '../core/index.ts';
import { type BudgetWindow, windowEnd, windowStart } from './ledger-window.ts';

/** What a budget limits. */
export type BudgetScope = 'key' | 'team' | 'task';

/** Money that one key, team or task may spend in one window. */
export interface Budget {
  readonly scope: BudgetScope;
  readonly name: string;
  readonly window: BudgetWindow;
  readonly limit: NanoUsd;
}

/** Limits by window; an absent one does not limit. */
export type Limits = Readonly<Partial<Record<BudgetWindow, NanoUsd>>>;

/** A budget at a moment. */
export interface BudgetState extends Budget {
  /** Settled in the window that holds the moment. */
  readonly spent: NanoUsd;
  /** Held by requests that are under way. */
  readonly reserved: NanoUsd;
  /** What a request could still reserve; never below 0. */
  readonly left: NanoUsd;
  readonly resetsAt: EpochMs;
}

/** Who pays for a request: every budget of these three is touched by it. */
export interface Payer {
  readonly key: string | null;
  readonly team: string | null;
  readonly task: string | null;
}

/** Money held back in every budget of a payer until it is settled or released. Opaque: only the ledger reads it. */
export interface Reservation {
  readonly amount: NanoUsd;
  /** @internal */
  readonly holds: readonly Hold[];
}

/** No room: the budget without it as it stood, and what was asked of it. */
export interface BudgetRefusal {
  readonly refused: BudgetState;
  readonly amount: NanoUsd;
}

/** Where an account stood, so that what the record says of that moment can be put in its place. Opaque: only the ledger reads it. */
export interface LedgerMark {
  /** @internal */
  readonly settled: ReadonlyMap<string, { readonly start: EpochMs; readonly settled: number }>;
}

/** What a record says that a budget's owner spent in a window. */
export interface Spending {
  readonly scope: BudgetScope;
  readonly name: string;
  readonly window: BudgetWindow;
  readonly start: EpochMs;
  readonly spent: NanoUsd;
}

interface Account extends Budget {
  limit: NanoUsd;
  start: EpochMs;
  end: EpochMs;
  /** By this process, in this window. */
  settled: number;
  /** By others before it, as the record says. */
  history: number;
  reserved: number;
}

interface Hold {
  readonly account: Account;
  /** The window that was charged: money is never moved to a later one. */
  readonly start: EpochMs;
}

const NO_HOLDS: readonly Hold[] = [];

/**
 * Budgets of one process: reserve the worst case, then settle what it really cost. Every method runs to its end without waiting, so
 * that requests at the same time cannot both take the last dollar. Windows are whole days and months in UTC.
 */
export class Ledger {
  readonly #accounts = new Map<string, Account>();

  /** Takes budgets on; one that is there already keeps what was spent. */
  constructor(budgets: readonly Budget[] = []) {
    for (const budget of budgets) this.#open(budget);
  }

  /** Replaces the limits of one owner. A window without a limit is forgotten; one that stays keeps what was spent. */
  setLimits(scope: BudgetScope, name: string, limits: Limits): void {
    for (const window of WINDOWS) {
      const limit = limits[window];
      if (limit === undefined) this.#accounts.delete(accountKey(scope, name, window));
      else this.#open({ scope, name, window, limit });
    }
  }

  /** Whether any budget limits this payer: without one nothing need be estimated. */
  limits(payer: Payer): boolean {
    return this.#accountsOf(payer) !== NO_ACCOUNTS;
  }

  /**
   * Holds an amount in every budget of the payer, or in none of them: the first without room refuses, keys before teams before tasks.
   * An amount is the worst case of a request; what is reserved and spent together never exceeds a limit by reserving.
   */
  reserve(payer: Payer, amount: NanoUsd, at: EpochMs): Reservation | BudgetRefusal {
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`not an amount to reserve: ${amount}`);
    const accounts = this.#accountsOf(payer);
    for (const account of accounts) {
      roll(account, at);
      if (account.settled + account.history + account.reserved + amount > account.limit) return { refused: stateOf(account), amount };
    }
    const holds = accounts === NO_ACCOUNTS ? NO_HOLDS : accounts.map((account) => ({ account, start: account.start }));
    for (const { account } of holds) account.reserved += amount;
    return { amount, holds };
  }

  /** Books what a request really cost, more than was reserved too, and gives the rest back. A second settlement does nothing. */
  settle(reservation: Reservation, actual: NanoUsd): void {
    if (!Number.isSafeInteger(actual) || actual < 0) throw new RangeError(`not an amount to settle: ${actual}`);
    for (const account of this.#end(reservation)) account.settled += actual;
  }

  /** Books money that was spent without a reservation: the payer has spent it, room or not. */
  book(payer: Payer, amount: NanoUsd, at: EpochMs): void {
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`not an amount to book: ${amount}`);
    for (const account of this.#accountsOf(payer)) {
      roll(account, at);
      account.settled += amount;
    }
  }

  /** Gives everything back: the request cost nothing because it was never sent. */
  release(reservation: Reservation): void {
    this.#end(reservation);
  }

  /** Every budget, sorted by scope and name, or those of one payer. */
  states(at: EpochMs, payer?: Payer): readonly BudgetState[] {
    const accounts = payer ? this.#accountsOf(payer) : [...this.#accounts.values()].sort(byName);
    return accounts.map((account) => {
      roll(account, at);
      return stateOf(account);
    });
  }

  /** Where every account stands, to be taken before the record is asked. */
  mark(): LedgerMark {
    return {
      settled: new Map([...this.#accounts].map(([key, { start, settled }]) => [key, { start, settled }])),
    };
  }

  /**
   * Puts what the record says in the place of what was known before `mark`; what was settled since then stays on top. The record must
   * hold everything that was settled before the mark: drain the recorder between the two.
   */
  restore(spending: readonly Spending[], mark: LedgerMark, at: EpochMs): void {
    const found = new Map(spending.map((row) => [accountKey(row.scope, row.name, row.window), row]));
    for (const [key, account] of this.#accounts) {
      roll(account, at);
      const before = mark.settled.get(key);
      const row = found.get(key);
      if (row && row.start !== account.start) continue;
      account.history = row?.spent ?? 0;
      if (before?.start === account.start) account.history -= Math.min(before.settled, account.history);
    }
  }

  #open(budget: Budget): void {
    const key = accountKey(budget.scope, budget.name, budget.window);
    const known = this.#accounts.get(key);
    if (known) known.limit = budget.limit;
    else this.#accounts.set(key, { ...budget, start: 0, end: 0, settled: 0, history: 0, reserved: 0 });
  }

  #accountsOf({ key, team, task }: Payer): readonly Account[] {
    if (this.#accounts.size === 0) return NO_ACCOUNTS;
    const accounts: Account[] = [];
    this.#add(accounts, 'key', key);
    this.#add(accounts, 'team', team);
    this.#add(accounts, 'task', task);
    return accounts.length === 0 ? NO_ACCOUNTS : accounts;
  }

  #add(accounts: Account[], scope: BudgetScope, name: string | null): void {
    if (name === null) return;
    for (const window of WINDOWS) {
      const account = this.#accounts.get(accountKey(scope, name, window));
      if (account) accounts.push(account);
    }
  }

  /** Ends a reservation once; gives the accounts whose window still runs. */
  #end(reservation: Reservation): readonly Account[] {
    const { holds } = reservation;
    if (holds.length === 0 || ended.has(reservation)) return NO_ACCOUNTS;
    ended.add(reservation);
    // A window that is over has forgotten its reservations, and the next one owes nothing for it.
    const running = holds.filter(({ account, start }) => account.start === start).map(({ account }) => account);
    for (const account of running) account.reserved -= reservation.amount;
    return running;
  }
}

const NO_ACCOUNTS: readonly Account[] = [];
const WINDOWS: readonly BudgetWindow[] = ['day', 'month'];
const ended = new WeakSet<Reservation>();

function accountKey(scope: BudgetScope, name: string, window: BudgetWindow): string {
  return `${scope} ${window} ${name}`;
}

function byName(a: Budget, b: Budget): number {
  const left = accountKey(a.scope, a.name, a.window);
  const right = accountKey(b.scope, b.name, b.window);
  return left < right ? -1 : 1;
}

/** Begins a new window when the time is past the current one; a clock that goes back stays in the window it is in. */
function roll(account: Account, at: EpochMs): void {
  if (at < account.end) return;
  account.start = windowStart(account.window, at);
  account.end = windowEnd(account.window, at);
  account.settled = 0;
  account.history = 0;
  account.reserved = 0;
}

function stateOf(account: Account): BudgetState {
  const { scope, name, window, limit, reserved } = account;
  const spent = account.settled + account.history;
  return {
    scope,
    name,
    window,
    limit,
    spent: spent as NanoUsd,
    reserved: reserved as NanoUsd,
    left: Math.max(0, limit - spent - reserved) as NanoUsd,
    resetsAt: account.end,
  };
}
