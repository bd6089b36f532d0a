import type { PipelineConfig, TaskConfig } from '../config/index.ts';
import { addUsd, type Call, type NanoUsd, SmallfirstError } from '../core/index.ts';
import type { ModelRef } from '../pricing/index.ts';
import { type Payer, type Reservation as RunReservation, worstCost } from '../run/index.ts';
import { allowedHeaders, hearsLimits } from './budget-headers.ts';
import { type BudgetDeps, refusal } from './budgets.ts';
import { assumedOutputLimit, checkTokenCaps, type Demand, demandOf, worstCaseOf } from './caps.ts';
import type { Exchange } from './exchange.ts';
import type { PipelineReservation } from './parties.ts';
import { rungsOf, tasksOf } from './pipeline-scope.ts';

/** The part of an exchange that a run's budgets read. */
export type AskedRun = Pick<Exchange, 'body' | 'members' | 'route' | 'caller' | 'at'>;

/** What budgets of pipelines need of the rest. */
export interface PipelineBudgetDeps extends Omit<BudgetDeps, 'modelsOf'> {
  readonly models: ReadonlyMap<string, ModelRef>;
  readonly tasks: ReadonlyMap<string, TaskConfig>;
}

/**
 * Budgets of a pipeline's runs. Before a run begins the worst case of each of its steps is set aside, once and as long as the request is,
 * within what the pipeline and the key's cap allow; before a step asks, what it can cost at its worst, as far as that is not set aside
 * yet. Each task's money comes from its own budgets, and all of it from the key's and the team's. Throws BUDGET_EXCEEDED,
 * BUDGET_UNPRICED and what a key's caps refuse.
 */
export function pipelineBudgets(deps: PipelineBudgetDeps): (exchange: AskedRun, pipeline: PipelineConfig) => PipelineReservation | null {
  return (exchange, pipeline) => {
    const { key, team, caps } = exchange.caller;
    const names = [...new Set<string | null>([null, ...pipeline.steps.flatMap(tasksOf)])];
    const isLimited = names.some((task) => deps.ledger.limits({ key, team, task }));
    if (!isLimited && caps === null) return null;
    const demand = demandOf(exchange);
    if (caps !== null) checkTokenCaps(caps, demand, exchange.body, deps.countTokens);
    const holding = new PipelineHolding(deps, exchange, isLimited);
    if (isLimited || caps?.cost != null) {
      try {
        holding.begin(pipeline, demand);
      } catch (error) {
        holding.release();
        throw error;
      }
    }
    return holding;
  };
}

/** Money of one task's share of a run. */
interface Account {
  readonly payer: Payer;
  readonly holds: RunReservation[];
  /** Set aside in all. */
  held: number;
  /** What askings under way can cost at their worst. */
  pending: number;
  spent: number;
}

class PipelineHolding implements PipelineReservation {
  readonly outputLimit: number | null;
  readonly budget: NanoUsd | null;
  readonly isLimited: boolean;
  readonly #deps: PipelineBudgetDeps;
  readonly #exchange: AskedRun;
  readonly #accounts = new Map<string | null, Account>();
  #isOver = false;

  constructor(deps: PipelineBudgetDeps, exchange: AskedRun, isLimited: boolean) {
    const { caps } = exchange.caller;
    this.#deps = deps;
    this.#exchange = exchange;
    this.outputLimit = caps?.outputTokens ?? null;
    this.budget = caps?.cost ?? null;
    this.isLimited = isLimited || this.budget !== null;
  }

  get headers(): readonly string[] | null {
    const { route, caller } = this.#exchange;
    const { ledger, clock } = this.#deps;
    const payer = { key: caller.key, team: caller.team, task: null };
    if (!ledger.limits(payer)) return null;
    return hearsLimits[route.family] ? allowedHeaders(ledger.states(clock.now(), payer)) : [];
  }

  /** Sets aside what the steps can cost as far as that can be told now. */
  begin(pipeline: PipelineConfig, demand: Demand): void {
    const limits = [this.budget, pipeline.budget].filter((limit) => limit !== null);
    let left = limits.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...limits);
    const shares = new Map<string | null, number>();
    for (const step of pipeline.steps) {
      const { controller } = step;
      if (controller !== null) shares.set(null, (shares.get(null) ?? 0) + this.#worst([controller.model], null, demand));
      for (const task of tasksOf(step)) {
        const worst = this.#worst(rungsOf(step, task, this.#deps.tasks), task, demand);
        shares.set(task, (shares.get(task) ?? 0) + worst);
      }
    }
    for (const [task, worst] of shares) {
      const share = Math.min(worst, left);
      left -= share;
      const account = this.#account(task);
      if (this.#deps.ledger.limits(account.payer)) this.#setAside(account, share as NanoUsd);
    }
  }

  hold(task: string | null, worstOf: () => NanoUsd | null): () => void {
    const account = this.#account(task);
    if (this.budget === null && !this.#deps.ledger.limits(account.payer)) return () => {};
    const worst = worstOf();
    if (worst === null) throw unpriced(task === null ? 'The planning model' : `A model of the task "${task}"`);
    const missing = account.spent + account.pending + worst - account.held;
    if (missing > 0) this.#setAside(account, missing as NanoUsd);
    account.pending += worst;
    let isHeld = true;
    return () => {
      if (isHeld) account.pending -= worst;
      isHeld = false;
    };
  }

  settle(call: Call): void {
    const account = this.#account(call.task);
    // What is not known is settled at the worst case, never at nothing.
    const cost = call.cost ?? (Math.max(account.pending, account.held - account.spent, 0) as NanoUsd);
    // What is booked after the answer (a shadow, an audit) was no longer reserved, but was spent all the same.
    if (this.#isOver) this.#deps.ledger.book(account.payer, cost, call.at);
    else account.spent += cost;
  }

  release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { ledger, clock } = this.#deps;
    for (const { payer, holds, spent } of this.#accounts.values()) {
      const [first, ...others] = holds;
      for (const other of others) ledger.release(other);
      if (first !== undefined) ledger.settle(first, spent as NanoUsd);
      else if (spent > 0) ledger.book(payer, spent as NanoUsd, clock.now());
    }
  }

  #account(task: string | null): Account {
    const known = this.#accounts.get(task);
    if (known !== undefined) return known;
    const { key, team } = this.#exchange.caller;
    const account: Account = { payer: { key, team, task }, holds: [], held: 0, pending: 0, spent: 0 };
    this.#accounts.set(task, account);
    return account;
  }

  #setAside(account: Account, amount: NanoUsd): void {
    const { ledger, clock } = this.#deps;
    const now = clock.now();
    const held = ledger.reserve(account.payer, amount, now);
    if ('refused' in held) throw refusal(held.refused, amount, { now, hears: hearsLimits[this.#exchange.route.family] });
    account.holds.push(held);
    account.held += amount;
  }

  /** What asking each of these models once about a text as long as the request can cost. */
  #worst(models: readonly string[], task: string | null, demand: Demand): number {
    const { prices, models: known, tasks } = this.#deps;
    const limit = (task === null ? null : tasks.get(task)?.parameters.maxTokens) ?? null;
    const worst = worstCaseOf({ ...demand, outputLimit: null, choices: 1 }, assumedOutputLimit(this.#exchange.caller.caps, limit));
    const costs = models.map((name) => {
      const model = known.get(name);
      const cost = model === undefined ? null : worstCost(prices, model, worst, this.#exchange.at);
      if (cost === null) throw unpriced(`The model "${name}"`);
      return cost;
    });
    return addUsd(...costs);
  }
}

function unpriced(what: string): SmallfirstError {
  return new SmallfirstError(
    'BUDGET_UNPRICED',
    `${what} has no known price, so it cannot be used under a budget or a cost cap. Declare its price in the config.`,
  );
}
