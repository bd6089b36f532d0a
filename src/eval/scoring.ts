import { whyIncomplete } from '../confidence/index.ts';
import type { TaskConfig } from '../config/index.ts';
import { type Json, SmallfirstError } from '../core/index.ts';
import { type BoundMetric, parseMetric, validateOutput } from '../metrics/index.ts';
import type { EvalCell } from '../store/index.ts';
import { cellFacts } from './ask.ts';
import type { EvalReport } from './types.ts';

/** What an answer is worth, and what it says when it is of the declared kind. */
export interface Scoring {
  readonly quality: number;
  readonly valid: boolean;
  /** The label, JSON or text; null when invalid. */
  readonly value: Json;
}

/** An answer that may never be served. */
export const WORTHLESS: Scoring = { quality: 0, valid: false, value: null };

/** The metric of a task; null where a judge scores. Throws CONFIG_INVALID when it has neither. */
export function metricOf(task: TaskConfig): BoundMetric | null {
  if (task.judge !== null) return null;
  if (task.metricSpec !== null) return parseMetric(task.metricSpec);
  throw new SmallfirstError(
    'CONFIG_INVALID',
    `The task ${task.name} names no metric, and a text task has none by default; add "metric" to it.`,
  );
}

/**
 * What answers are measured against: gold answers; the answer alone, for a metric that needs none; or else the ceiling's answers, which
 * is enough for labels and JSON and not for text. Throws INPUT_INVALID for a text set without gold answers.
 */
export function referenceOf(task: TaskConfig, metric: BoundMetric | null, hasGold: boolean): EvalReport['reference'] {
  if (hasGold) return 'gold';
  if (metric === null || !needsExpected(metric)) return 'none';
  if (task.output.kind !== 'text') return 'ceiling';
  throw new SmallfirstError(
    'INPUT_INVALID',
    `The metric ${metric.name} compares with gold answers, and no row of the set has an "expected".`,
  );
}

function needsExpected(metric: BoundMetric): boolean {
  try {
    metric.score({ answer: '', expected: null, output: { kind: 'text' } });
    return false;
  } catch (error) {
    if (error instanceof SmallfirstError && error.code === 'INPUT_INVALID') return true;
    throw error;
  }
}

/** Scores a cell. An answer that is refused, truncated or not of the declared kind is worth 0, because it may never be served. */
export function score(cell: EvalCell, expected: Json, task: TaskConfig, metric: BoundMetric): Scoring {
  const { valid, value } = read(cell, task);
  if (!valid) return WORTHLESS;
  return { quality: metric.score({ answer: cell.output ?? '', expected, output: task.output }).score, valid, value };
}

/** What an answer says, whatever it is worth. */
export function read(cell: EvalCell, task: TaskConfig): { readonly valid: boolean; readonly value: Json } {
  const { stop, refused } = cellFacts(cell);
  if (cell.output === null || whyIncomplete({ stop, refusal: refused ? '' : null }) !== null) return { valid: false, value: null };
  return validateOutput(cell.output, task.output);
}
