import { type CurveTask, gainFrom, type LearningCurve, learningCurveInSteps } from '../classifier/index.ts';
import { SmallfirstError } from '../core/index.ts';
import { seededRandom, wilson } from '../statistics/index.ts';
import { compareFields, trainTaggerInSteps } from '../tagger/index.ts';
import { interrupted } from './thread-fitter.ts';
import type { StudentKind, TrainingRow } from './types.ts';

/** What more labels are expected to bring, in shares of 1, with a 90 % interval. */
export interface CurveGain {
  readonly more: number;
  readonly gain: number;
  readonly low: number;
  readonly high: number;
}

/** Quality by the number of rows, and what more of them are worth. */
export interface StudentCurve {
  readonly kind: StudentKind;
  readonly rows: number;
  /** Share of held-out rows that were wholly right, with a 95 % interval. */
  readonly points: LearningCurve['points'];
  /** By a power law fitted to the points; empty where there are too few, and for extractors. */
  readonly gains: readonly CurveGain[];
}

const FEWEST_EXTRACTION_ROWS = 16;

/** Measures a learning curve. Throws INPUT_INVALID for too few rows, ABORTED when the signal fires. */
export async function studentCurve(
  set: { readonly kind: StudentKind; readonly rows: readonly TrainingRow[] },
  options: { readonly seed: number; readonly signal: AbortSignal | null; readonly onProgress?: (share: number) => void },
): Promise<StudentCurve> {
  const { kind } = set;
  if (kind === 'extractor') return extractorCurve(set.rows, options);
  const curve = await toEnd(learningCurveInSteps(taskOf(kind, set.rows), options), options.signal);
  const gains = [0.5, 1, 2].flatMap((share): CurveGain[] => {
    const more = Math.max(1, roundedCount(curve.rows * share));
    const gain = gainFrom(curve, more);
    return gain === null ? [] : [{ more, ...gain }];
  });
  return { kind, rows: curve.rows, points: curve.points, gains };
}

function taskOf(kind: Exclude<StudentKind, 'extractor'>, rows: readonly TrainingRow[]): CurveTask {
  if (kind === 'classifier') return { kind, rows: rows.map(({ text, label }) => ({ text, label: label ?? null })) };
  if (kind === 'multilabel') return { kind, rows: rows.map(({ text, labels }) => ({ text, labels: labels ?? null })) };
  const values = rows.flatMap(({ value }) => (value === null || value === undefined ? [] : [value]));
  return { kind, rows: rows.map(({ text, value }) => ({ text, value: value ?? null })), tolerance: toleranceOf(values) };
}

/** Half a step of few whole numbers; else half the targets' standard deviation. */
function toleranceOf(values: readonly number[]): number {
  const levels = [...new Set(values)].sort((a, b) => a - b);
  if (levels.length <= 10 && levels.every(Number.isInteger)) return 0.5;
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return 0.5 * Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length));
}

/** Extractors of nested parts of the rows, each scored on what it held out itself. */
async function extractorCurve(rows: readonly TrainingRow[], options: Parameters<typeof studentCurve>[1]): Promise<StudentCurve> {
  if (rows.length < FEWEST_EXTRACTION_ROWS) {
    throw new SmallfirstError('INPUT_INVALID', `a learning curve needs ${FEWEST_EXTRACTION_ROWS} rows; there are ${rows.length}`);
  }
  const shuffled = seededRandom(options.seed).shuffle([...rows]);
  const points: StudentCurve['points'][number][] = [];
  const sizes = [8, 4, 2, 1].map((part) => Math.floor(rows.length / part)).filter((size) => size >= FEWEST_EXTRACTION_ROWS);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  for (const size of sizes) {
    const part = shuffled.slice(0, size).map(({ text, fields }) => ({ text, fields: fields ?? {} }));
    const { heldOut, folds } = await toEnd(trainTaggerInSteps(part, { seed: options.seed }), options.signal);
    const right = heldOut.filter(({ fields }, i) => compareFields(fields, part[i]!.fields).exact).length;
    const { low, high } = wilson(right, size, 0.95);
    points.push({ rows: Math.round((size * (folds - 1)) / folds), accuracy: right / size, low, high });
    done += size;
    options.onProgress?.(done / total);
  }
  return { kind: 'extractor', rows: rows.length, points, gains: [] };
}

async function toEnd<T>(steps: Generator<void, T>, signal: AbortSignal | null): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw interrupted();
  }
}

/** A count with two digits that count. */
function roundedCount(count: number): number {
  return Number(Math.round(count).toPrecision(2));
}
