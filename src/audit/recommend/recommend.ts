import type { EpochMs } from '../../core/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import type { DiscoveredTask } from '../tasks/index.ts';
import { type Judged, judge } from './facts.ts';
import { keepReasons, moves } from './moves.ts';
import { savingOf } from './savings.ts';
import type { Condition, Fact, MoveOption, MoveRow, TaskFacts } from './types.ts';

/** What is recommended for a task, and every move that fits it. */
export interface TaskAdvice {
  readonly facts: TaskFacts;
  readonly best: MoveOption;
  /** Other moves that fit, the most dollars first. They overlap: their dollars are never added to each other or to the best one's. */
  readonly others: readonly MoveOption[];
}

/** A move that saves less than this share of a task's spend is not worth a recommendation. */
const LEAST_SHARE = 0.02;

/** Applies the decision table to a task. Prices are those in force at `at`. */
export function adviceFor(task: DiscoveredTask, book: PriceBook, at: EpochMs, table: readonly MoveRow[] = moves): TaskAdvice {
  const judged = judge(task, book, at);
  const options = table.flatMap((row) => optionOf(row, { task, judged, book, at }) ?? []);
  const worth = options.filter(({ move, base }) => move === 'keep' || base > judged.facts.spendUsd * LEAST_SHARE);
  const ranked = [...worth].sort((a, b) => Number(b.tested) - Number(a.tested) || b.base - a.base);
  const [best, ...others] = ranked as [MoveOption, ...MoveOption[]];
  return { facts: judged.facts, best, others: others.filter(({ move }) => move !== 'keep') };
}

interface Ground {
  readonly task: DiscoveredTask;
  readonly judged: Judged;
  readonly book: PriceBook;
  readonly at: EpochMs;
}

function optionOf(row: MoveRow, ground: Ground): MoveOption | null {
  const { facts } = ground.judged;
  if (!row.when.every((condition) => holds(condition, facts))) return null;
  // Nothing can be saved where nothing was paid, and no more than was.
  const paid = row.move === 'keep' ? 0 : facts.spendUsd;
  if (row.move !== 'keep' && !(paid > 0)) return null;
  const saving = savingOf(row.saving, { ...ground, assumption: row.assumption });
  if (saving === null) return null;
  const reason =
    row.move === 'keep' ? (keepReasons.find(({ when }) => when.every((each) => holds(each, facts)))?.reason ?? row.reason) : row.reason;
  return {
    move: row.move,
    tested: row.saving === 'tested-pairs',
    reason: filled(reason, facts),
    low: Math.min(saving.low, paid),
    base: Math.min(saving.base, paid),
    high: Math.min(saving.high, paid),
    proof: filled(row.proof, facts),
    row: row.id,
    candidate: saving.candidate,
    formula: saving.formula,
    n: saving.n,
    assumption: row.assumption,
  };
}

/** Whether a task fulfils a condition. */
export function holds({ fact, is, atLeast, atMost, orUnknown }: Condition, facts: TaskFacts): boolean {
  const value = facts[fact];
  if (value === null) return orUnknown === true;
  if (typeof value === 'boolean') return value === is;
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}

const SHARES: ReadonlySet<Fact> = new Set([
  ...(['tools', 'turns', 'privateData', 'quietHours', 'batched', 'repeats', 'repeatsAgree', 'prefixShare', 'cacheRead'] as const),
  ...(['candidateRatio', 'batchRatio', 'pairsAgree', 'pairsAgreeLow'] as const),
]);

/** A sentence of the table with the values of its facts. */
function filled(sentence: string, facts: TaskFacts): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: Fact) => {
    const value = facts[name];
    if (typeof value !== 'number') return String(value ?? 'an unknown number of');
    return SHARES.has(name) ? `${(value * 100).toFixed(1)} %` : Math.round(value).toLocaleString('en-US');
  });
}
