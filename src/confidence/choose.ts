import { type Calibrator, fitCalibrator } from './calibrator.ts';
import { auroc, aurocHarm } from './reliability.ts';
import { SIGNAL_PREFERENCE } from './signals.ts';
import type { SignalName } from './types.ts';

/** One answered request that signals are judged on: what it was worth beside the frontier's answer, and the signals that it carried. */
export interface SignalRow {
  /** 0…1, of the small model's answer and of the frontier's. */
  readonly small: number;
  readonly big: number;
  readonly signals: Readonly<Record<string, number>>;
}

/** What a signal is worth on some rows. */
export interface SignalScore {
  readonly name: SignalName;
  /** Rows that carry it. */
  readonly rows: number;
  /** P(a right answer has the higher value); null when every answer is right or every one wrong. */
  readonly auroc: number | null;
  /** The same for "small wrong and big right", lowest first: what routing needs; null without such rows. */
  readonly aurocHarm: number | null;
  /** What it is ranked by: the second of the two where there is harm enough to tell, else the first. */
  readonly worth: number | null;
  /** Its standard error (Hanley and McNeil 1982). */
  readonly standardError: number | null;
  /** Whether confidence may be read from it. */
  readonly usable: boolean;
}

/** A signal with the calibrator that was fitted for it. */
export interface ChosenSignal {
  readonly name: SignalName;
  readonly calibrator: Calibrator;
  /** Rows that the calibrator was fitted on. */
  readonly rows: number;
}

/** What choosing found: null when no signal is usable, and then only a swap of every answer can be tested. */
export interface SignalChoice {
  readonly chosen: ChosenSignal | null;
  /** Every signal that some row carries, best first. */
  readonly scores: readonly SignalScore[];
}

/** All signals that a gateway can read from an answer. The order breaks ties. */
const READABLE: readonly SignalName[] = [...SIGNAL_PREFERENCE, 'min-logprob', 'mean-logprob', 'valid'];
/** With fewer rows of either kind a ranking by harm is chance: then the signal is ranked by right and wrong. */
const LEAST_HARM = 8;
/** Fewer rows fit no calibrator that is worth freezing. */
const LEAST_ROWS = 30;

/**
 * Chooses the signal that best tells harm ("small wrong and big right") from the rest and fits its calibrator: Platt below 500 rows,
 * isotonic regression from there. The rows must be FIT rows: none may be certified on. A row without the signal ranks last, as it would
 * be escalated. `only` restricts the choice to a signal that a person named. Deterministic. Throws INPUT_INVALID on qualities outside 0…1.
 */
export function chooseSignal(rows: readonly SignalRow[], only: SignalName | null = null): SignalChoice {
  const scores = scoreSignals(rows, only);
  const best = scores.find(({ usable }) => usable);
  if (best === undefined) return { chosen: null, scores };
  const carrying = rows.filter((row) => isCarried(row, best.name));
  const calibrator = fitCalibrator(
    carrying.map((row) => row.signals[best.name]!),
    carrying.map((row) => row.small),
  );
  // A curve that is the same for everybody ranks nothing: it could only be a swap, which needs no signal.
  const isFlat =
    (calibrator.kind === 'platt' && calibrator.slope === 0) || (calibrator.kind === 'isotonic' && isFlatCurve(calibrator.knots));
  return { chosen: isFlat ? null : { name: best.name, calibrator, rows: carrying.length }, scores };
}

/** Scores every readable signal that some row carries, best first. */
export function scoreSignals(rows: readonly SignalRow[], only: SignalName | null = null): readonly SignalScore[] {
  const names = READABLE.filter((name) => (only === null || name === only) && rows.some((row) => isCarried(row, name)));
  return names.map((name) => scoreOf(rows, name)).sort((a, b) => rankOf(b) - rankOf(a));
}

function scoreOf(rows: readonly SignalRow[], name: SignalName): SignalScore {
  const values = columnOf(rows, name);
  const small = rows.map((row) => row.small);
  const big = rows.map((row) => row.big);
  const harm = rows.reduce((sum, row) => sum + (row.big > row.small ? 1 : 0), 0);
  const wrong = small.reduce((sum, quality) => sum + 1 - quality, 0);
  const byHarm = Math.min(harm, rows.length - harm) >= LEAST_HARM ? aurocHarm(values, small, big) : null;
  const plain = auroc(values, small);
  const worth = byHarm ?? plain;
  const standardError = worth === null ? null : hanleyMcNeil(worth, byHarm === null ? wrong : harm, rows.length);
  const carried = rows.reduce((sum, row) => sum + (isCarried(row, name) ? 1 : 0), 0);
  return {
    name,
    rows: carried,
    auroc: plain,
    aurocHarm: aurocHarm(values, small, big),
    worth,
    standardError,
    // Half of the answers without it would be half of the traffic escalated, whatever it says about the rest.
    usable: carried >= LEAST_ROWS && 2 * carried >= rows.length && worth !== null && standardError !== null && worth - standardError > 0.5,
  };
}

/** A signal that cannot be used comes after all that can. */
function rankOf(score: SignalScore): number {
  return (score.usable ? 1 : 0) + (score.worth ?? 0);
}

/** A signal's values; where a row has none, one below all others. */
export function columnOf(rows: readonly SignalRow[], name: SignalName): number[] {
  let least = Number.POSITIVE_INFINITY;
  for (const row of rows) if (isCarried(row, name)) least = Math.min(least, row.signals[name]!);
  const none = Number.isFinite(least) ? least - 1 : 0;
  return rows.map((row) => (isCarried(row, name) ? row.signals[name]! : none));
}

function isCarried(row: SignalRow, name: string): boolean {
  return Number.isFinite(row.signals[name] ?? Number.NaN);
}

function isFlatCurve(knots: readonly (readonly [number, number])[]): boolean {
  return knots.every(([, y]) => y === knots[0]![1]);
}

/** Standard error of an area under the ROC curve with `positives` of n rows (Hanley and McNeil 1982); null when one kind is missing. */
function hanleyMcNeil(area: number, positives: number, n: number): number | null {
  const negatives = n - positives;
  if (!(positives > 0 && negatives > 0)) return null;
  const q1 = area / (2 - area);
  const q2 = (2 * area * area) / (1 + area);
  const variance = area * (1 - area) + (positives - 1) * (q1 - area * area) + (negatives - 1) * (q2 - area * area);
  return Math.sqrt(Math.max(0, variance) / (positives * negatives));
}
