import type { BudgetConfig, CapsConfig } from '../config/index.ts';
import { addUsd, type Call, type Clock, formatUsd, type NanoUsd, SmallfirstError } from '../core/index.ts';
import type { CountTokens, ModelRef, PriceBook } from '../pricing/index.ts';
import {
  type Budget,
  type BudgetScope,
  type BudgetState,
  type Limits,
  type Payer,
  type Ledger as RunLedger,
  type Reservation as RunReservation,
  worstCost,
} from '../run/index.ts';
import { allowedHeaders, hearsLimits, rejectedHeaders, retryAfter } from './budget-headers.ts';
import { assumedOutputLimit, checkCostCap, checkTokenCaps, type Demand, demandOf, worstCaseOf } from './caps.ts';
import { endpointName, endpointPrice } from './endpoint-price.ts';
import type { Exchange } from './exchange.ts';
import type { Reservation } from './parties.ts';
import { Refusal } from './refusal.ts';

/** The part of an exchange that budgets read. */
export type Asked = Pick<Exchange, 'body' | 'members' | 'route' | 'caller' | 'model' | 'task' | 'at'>;

/** What budgets need of the rest. */
export interface BudgetDeps {
  readonly ledger: RunLedger;
  readonly prices: Pick<PriceBook, 'price'>;
  readonly clock: Clock;
  /** Every model that an exchange may be sent to and paid for; none for one that costs nothing. */
  readonly modelsOf: (exchange: Asked) => readonly ModelRef[];
  /** Counts exactly what an input cap would refuse; null refuses by the estimate. */
  readonly countTokens: CountTokens | null;
}

/** What `gatewayBudgets` decides: see `Ledger`. */
export interface GatewayBudgets {
  reserve(exchange: Asked): Reservation | null;
  checkEndpoint(exchange: Pick<Exchange, 'route' | 'path' | 'request' | 'caller'>, provider: string): void;
}

/**
 * Budgets and caps of a gateway. A request is refused before it is sent: by its key's caps, for a model without a price where a budget
 * holds, and where a budget has no room for its worst case. What it really cost is settled when it is over; a row whose cost is not
 * known is settled at the worst case, never at 0.
 */
export function gatewayBudgets(deps: BudgetDeps): GatewayBudgets {
  return {
    checkEndpoint: (exchange, provider) => {
      const { key, team, caps } = exchange.caller;
      if (!deps.ledger.limits({ key, team, task: null }) && (caps === null || caps.cost === null)) return;
      if (endpointPrice(exchange, provider) !== null) return;
      throw new SmallfirstError(
        'BUDGET_UNPRICED',
        `What ${endpointName(exchange.path)} costs is not known beforehand, so it cannot be used under a budget or a cost cap.`,
      );
    },
    reserve: (exchange) => {
      // Counting tokens is free.
      if (exchange.route.kind !== 'call') return null;
      const { key, team, caps } = exchange.caller;
      const task = taskOf(exchange);
      const payer: Payer = { key, team, task: task.name };
      const isLimited = deps.ledger.limits(payer);
      if (!isLimited && caps === null) return null;
      const demand = demandOf(exchange);
      if (caps !== null) checkTokenCaps(caps, demand, exchange.body, deps.countTokens);
      const assumed = assumedOutputLimit(caps, task.outputLimit);
      const worst = worstOf(deps, exchange, demand, { assumed, isRequired: isLimited || caps?.cost !== null, caps });
      const outputLimit = demand.outputLimit === null && (isLimited || caps?.outputTokens !== null || caps.cost !== null) ? assumed : null;
      if (!isLimited) return { outputLimit, headers: null, settle: () => {}, release: () => {} };
      return holding(deps, payer, worst, { outputLimit, hears: hearsLimits[exchange.route.family] });
    },
  };
}

function taskOf({ task }: Asked): { readonly name: string | null; readonly outputLimit: number | null } {
  return { name: task?.name ?? null, outputLimit: task?.parameters.maxTokens ?? null };
}

interface WorstOptions {
  readonly assumed: number;
  /** A budget or a cap depends on it. */
  readonly isRequired: boolean;
  readonly caps: CapsConfig | null;
}

/** The worst cost of every model that may be asked, together. Throws BUDGET_UNPRICED and REQUEST_CAP_EXCEEDED. */
function worstOf(deps: BudgetDeps, exchange: Asked, demand: Demand, { assumed, isRequired, caps }: WorstOptions): NanoUsd {
  if (!isRequired) return 0 as NanoUsd;
  const worstCase = worstCaseOf(demand, assumed);
  const costs = deps.modelsOf(exchange).map((model) => {
    const cost = worstCost(deps.prices, model, worstCase, exchange.at);
    if (cost !== null) return cost;
    throw new SmallfirstError(
      'BUDGET_UNPRICED',
      `The model "${model.model}" has no known price, so it cannot be used under a budget or a cost cap. Declare its price in the config.`,
    );
  });
  const worst = addUsd(...costs);
  if (caps !== null) checkCostCap(caps, worst);
  return worst;
}

function holding(
  deps: BudgetDeps,
  payer: Payer,
  worst: NanoUsd,
  { outputLimit, hears }: { readonly outputLimit: number | null; readonly hears: boolean },
): Reservation {
  const now = deps.clock.now();
  const held = deps.ledger.reserve(payer, worst, now);
  if ('refused' in held) throw refusal(held.refused, worst, { now, hears });
  return new Holding(deps, payer, held, {
    outputLimit,
    headers: hears ? allowedHeaders(deps.ledger.states(now, payer)) : [],
  });
}

/** Money set aside for one exchange. */
class Holding implements Reservation {
  readonly outputLimit: number | null;
  readonly headers: readonly string[];
  readonly #deps: BudgetDeps;
  readonly #payer: Payer;
  readonly #held: RunReservation;
  #spent = 0;
  #isOver = false;

  constructor(deps: BudgetDeps, payer: Payer, held: RunReservation, answer: { outputLimit: number | null; headers: readonly string[] }) {
    this.#deps = deps;
    this.#payer = payer;
    this.#held = held;
    this.outputLimit = answer.outputLimit;
    this.headers = answer.headers;
  }

  settle(call: Call): void {
    const cost = call.cost ?? this.#held.amount;
    // What is booked after the answer (a counted rest, a shadow) was no longer reserved, but was spent all the same.
    if (this.#isOver) this.#deps.ledger.book(this.#payer, cost, call.at);
    else this.#spent += cost;
  }

  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.ledger.settle(this.#held, this.#spent as NanoUsd);
  }
}

const OWNERS: Readonly<Record<BudgetScope, string>> = { key: 'The key', team: 'The team', task: 'The task' };

/** A spent budget as the client hears it: one sentence that says what, when it resets and what to do. */
export function refusal(state: BudgetState, asked: NanoUsd, { now, hears }: { readonly now: number; readonly hears: boolean }): Refusal {
  const resets = new Date(state.resetsAt).toISOString().replace(/:00\.000Z$/, 'Z');
  const period = state.window === 'day' ? 'daily' : 'monthly';
  const isSpent = state.spent >= state.limit;
  const held = state.reserved > 0 ? ` and ${formatUsd(state.reserved)} is held by requests under way` : '';
  const what = isSpent
    ? `has spent its ${period} budget of ${formatUsd(state.limit)}`
    : `has ${formatUsd(state.left)} left of its ${period} budget of ${formatUsd(state.limit)}${held}, and this request may cost ${formatUsd(asked)}`;
  const advice = isSpent ? 'ask whoever runs this gateway to raise it' : 'ask for fewer output tokens or have it raised';
  return new Refusal(
    'BUDGET_EXCEEDED',
    `${OWNERS[state.scope]} "${state.name}" ${what}; wait until it resets at ${resets}, or ${advice}.`,
    [...retryAfter(state, now), ...(hears ? rejectedHeaders(state) : [])],
  );
}

/** Limits of a configured budget, as a ledger takes them. */
export function limitsOf(budget: BudgetConfig | null): Limits {
  return {
    ...(budget?.day == null ? {} : { day: budget.day }),
    ...(budget?.month == null ? {} : { month: budget.month }),
  };
}

/** Every budget that a config and the keys declare. */
export function declaredBudgets(
  keys: readonly { readonly name: string; readonly budget: BudgetConfig | null }[],
  budgets: { readonly teams: ReadonlyMap<string, BudgetConfig>; readonly tasks: ReadonlyMap<string, BudgetConfig> },
): readonly Budget[] {
  const owners: (readonly [BudgetScope, string, BudgetConfig | null])[] = [
    ...keys.map(({ name, budget }) => ['key', name, budget] as const),
    ...[...budgets.teams].map(([name, budget]) => ['team', name, budget] as const),
    ...[...budgets.tasks].map(([name, budget]) => ['task', name, budget] as const),
  ];
  return owners.flatMap(([scope, name, budget]) => {
    const limits = limitsOf(budget);
    return (['day', 'month'] as const).flatMap((window) => {
      const limit = limits[window];
      return limit === undefined ? [] : [{ scope, name, window, limit }];
    });
  });
}
