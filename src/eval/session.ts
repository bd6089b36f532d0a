import type { ModelConfig } from '../config/index.ts';
import { type Json, newId, SmallfirstError } from '../core/index.ts';
import type { BoundMetric } from '../metrics/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { CellWriter } from './cell-writer.ts';
import { type JudgeTally, NO_JUDGEMENTS } from './judge-tally.ts';
import { Observations } from './observations.ts';
import { keyBase } from './question.ts';
import { metricOf, referenceOf } from './scoring.ts';
import { checkSet, type SetSummary } from './set.ts';
import { Spend } from './spend.ts';
import type { Disagreement, EvalDeps, EvalPlan, EvalReport } from './types.ts';

/** Disagreements that are kept for each candidate. */
const SHOWN_DISAGREEMENTS = 20;

/** A model that takes part: how it is called, the part of its cells' keys that items share, and what it did. */
export interface Seat {
  readonly model: ModelConfig;
  readonly client: ModelClient;
  readonly keyBase: string;
  readonly observations: Observations;
  readonly disagreements: FirstFew;
  /** Units whose last answer was an error, and what the first of them said. */
  readonly failed: Set<number>;
  firstError: string | null;
}

/** The items of a run by ordinal, without their texts. */
export interface ItemIndex {
  readonly ids: string[];
  readonly lines: number[];
  readonly clusters: (string | null)[];
  readonly expected: (string | null)[];
}

/** A running eval: everything that its workers share. */
export interface Session {
  readonly run: string;
  readonly plan: EvalPlan;
  readonly deps: EvalDeps;
  /** Null where a judge scores. */
  readonly metric: BoundMetric | null;
  readonly reference: EvalReport['reference'];
  readonly set: SetSummary;
  /** The ceiling first: where there is no gold answer, the others are measured against it. */
  readonly seats: readonly [Seat, ...Seat[]];
  readonly index: ItemIndex;
  readonly spend: Spend;
  readonly writer: CellWriter;
  asked: number;
  found: number;
  /** Units whose ceiling gave no usable answer to measure against. */
  withoutReference: number;
  readonly judged: JudgeTally;
  /** Answers that recordings gave. */
  replayed: number;
  stopped: EvalReport['stopped'];
}

/** Checks the whole set and opens every model before anything is asked. */
export async function openSession(plan: EvalPlan, deps: EvalDeps): Promise<Session> {
  const metric = metricOf(plan.task);
  if (metric === null && deps.judge === undefined) {
    throw new SmallfirstError('CONFIG_INVALID', `The task ${plan.task.name} is scored by a judge, and none was opened.`);
  }
  const set = await checkSet(plan.set, plan.task.output, plan.limit);
  const reference = referenceOf(plan.task, metric, set.hasGold);
  const seat = async (model: ModelConfig): Promise<Seat> => {
    const client = await deps.client(model);
    return {
      model,
      client,
      keyBase: keyBase(plan.task, model, client.version ?? null),
      observations: new Observations(),
      disagreements: new FirstFew(SHOWN_DISAGREEMENTS),
      failed: new Set(),
      firstError: null,
    };
  };
  return {
    run: newId(),
    plan,
    deps,
    metric,
    reference,
    set,
    seats: [await seat(plan.ceiling), ...(await Promise.all(plan.candidates.map(seat)))],
    index: { ids: [], lines: [], clusters: [], expected: [] },
    spend: new Spend(plan.maxCost),
    writer: new CellWriter(deps.store),
    asked: 0,
    found: 0,
    withoutReference: 0,
    judged: { ...NO_JUDGEMENTS },
    replayed: 0,
    stopped: null,
  };
}

/** The disagreements that stand first in the set, whatever the order in which they arrive. */
export class FirstFew {
  readonly #most: number;
  #kept: { readonly unit: number; readonly what: Disagreement }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  offer(unit: number, what: () => Disagreement): void {
    const last = this.#kept.at(-1);
    if (this.#kept.length >= this.#most && last && unit > last.unit) return;
    this.#kept = [...this.#kept, { unit, what: what() }].sort((a, b) => a.unit - b.unit).slice(0, this.#most);
  }

  list(): readonly Disagreement[] {
    return this.#kept.map(({ what }) => what);
  }
}

/** A gold label as a string, for F1; null for other answers. */
export function goldLabel(expected: Json | undefined): string | null {
  return typeof expected === 'string' ? expected : null;
}
