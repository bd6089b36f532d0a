import { addUsd, type Json, type NanoUsd, SmallfirstError, type Tier, toUsd, ZERO_USD } from '../core/index.ts';
import type { StepFacts } from '../expressions/index.ts';
import type { PipelineResult, StepAnswer, StepRecord } from './types.ts';

/** Adds what is known; null as soon as one is not. */
export function sumOf(costs: readonly (NanoUsd | null)[]): NanoUsd | null {
  return costs.reduce<NanoUsd | null>((sum, cost) => (sum === null || cost === null ? null : addUsd(sum, cost)), ZERO_USD);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A step that was asked once. */
export function recordOf(answer: StepAnswer, conditionError: string | null): StepRecord {
  const { output, confidence, threshold, model, tier, decision, cost, calls, escalated, latencyMs, plan } = answer;
  // Written out, not spread: a copy by spreading makes a hidden class, and this runs for each of a million rows.
  const record: Writable<StepRecord> = { output, confidence, threshold, model, tier, decision, cost, calls, escalated, latencyMs };
  if (plan !== undefined) record.plan = plan;
  if (answer.isLabel && typeof output === 'string') record.label = output;
  if (conditionError !== null) record.conditionError = conditionError;
  return record;
}

const TIERS: readonly Tier[] = ['small', 'mid', 'frontier'];

/** A fan-out: its outputs as a list, and of everything else the least sure and the highest. */
export function fanOutRecord(answers: readonly StepAnswer[], conditionError: string | null): StepRecord {
  const least = (values: readonly (number | null)[]): number | null =>
    values.length === 0 || values.includes(null) ? null : Math.min(...(values as readonly number[]));
  const most = (values: readonly (number | null)[]): number | null =>
    values.length === 0 || values.includes(null) ? null : Math.max(...(values as readonly number[]));
  const highest = answers.reduce<StepAnswer | null>(
    (found, one) => (found === null || TIERS.indexOf(one.tier) > TIERS.indexOf(found.tier) ? one : found),
    null,
  );
  return {
    output: answers.map(({ output }) => output),
    confidence: least(answers.map(({ confidence }) => confidence)),
    threshold: most(answers.map(({ threshold }) => threshold)),
    model: highest?.model ?? null,
    tier: highest?.tier ?? null,
    decision: 'each',
    cost: sumOf(answers.map(({ cost }) => cost)),
    calls: answers.reduce((sum, { calls }) => sum + calls, 0),
    escalated: answers.some(({ escalated }) => escalated),
    latencyMs: most(answers.map(({ latencyMs }) => latencyMs)),
    items: answers,
    ...(conditionError === null ? {} : { conditionError }),
  };
}

/** A step that failed while the run goes on. */
export function failureRecord(error: SmallfirstError, cost: NanoUsd | null, conditionError: string | null): StepRecord {
  return {
    output: null,
    confidence: null,
    threshold: null,
    model: null,
    tier: null,
    decision: 'failed',
    cost,
    calls: 0,
    escalated: false,
    latencyMs: null,
    error: { code: error.code, message: error.message },
    ...(conditionError === null ? {} : { conditionError }),
  };
}

/** What later steps may read of a step. */
export function factsOf({ output, label, confidence, threshold, error }: StepRecord): StepFacts {
  return error === undefined ? { output, label: label ?? null, confidence, threshold } : {};
}

/** A run as the HTTP API, `run` and `batch` write it. Money is in US dollars; null where a call is unpriced. */
export function rowOf(result: PipelineResult, id: string | number = result.id): Record<string, Json> {
  const steps: Record<string, Json> = {};
  for (const [name, record] of result.steps) steps[name] = stepRow(record);
  return {
    id,
    steps,
    ...(result.skipped.length === 0 ? {} : { skipped: [...result.skipped] }),
    output: result.output,
    costUsd: usdOf(result.cost),
  };
}

/** One step of such a row. */
export function stepRow(record: StepRecord): Record<string, Json> {
  const { output, label, confidence, threshold, model, tier, decision, conditionError, error, items, plan } = record;
  const row: Record<string, Json> = { output };
  if (label !== undefined) row.label = label;
  row.confidence = confidence;
  if (threshold !== null) row.threshold = threshold;
  row.model = model;
  row.tier = tier;
  row.decision = decision;
  row.costUsd = usdOf(record.cost);
  if (conditionError !== undefined) row.conditionError = conditionError;
  if (error !== undefined) row.error = error;
  if (items !== undefined) row.items = items.map((item) => stepRow(recordOf(item, null)));
  if (plan !== undefined) row.plan = plan;
  return row;
}

function usdOf(cost: NanoUsd | null): number | null {
  return cost === null ? null : toUsd(cost);
}

/** Any failure as an error of the table. */
export function asFailure(error: unknown): SmallfirstError {
  return error instanceof SmallfirstError
    ? error
    : new SmallfirstError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}
