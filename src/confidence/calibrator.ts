import { SmallfirstError } from '../core/index.ts';
import { fitIsotonic, type IsotonicCalibrator, isotonicAt } from './isotonic.ts';
import { fitPlatt, type PlattCalibrator, plattInput, sigmoid } from './platt.ts';

/** Maps a raw signal to P(right). Plain JSON, so that it is stored and pinned as it is. */
export type Calibrator = { readonly kind: 'identity' } | PlattCalibrator | IsotonicCalibrator;

/** For a signal that is a probability already. */
export const IDENTITY: Calibrator = { kind: 'identity' };

/** From this many rows on the curve is fitted freely; below, two parameters are all that the data can bear. */
export const ISOTONIC_FROM = 500;

/** Fits Platt's sigmoid below 500 rows, isotonic regression from there on. Throws INPUT_INVALID on rows that `checkRows` refuses, and on none. */
export function fitCalibrator(values: readonly number[], outcomes: readonly number[]): Calibrator {
  return values.length < ISOTONIC_FROM ? fitPlatt(values, outcomes) : fitIsotonic(values, outcomes);
}

/**
 * A millionth of an isotonic P(right) is given to the raw value's own order. Pooled blocks tie thousands of answers, and a threshold
 * could only take or leave a whole block: on recorded BoolQ answers that halves what can be certified.
 */
const ORDER_SHARE = 1e-6;

/** Calibrated P(right) in 0…1, non-decreasing in the raw value and, for a fitted curve, in its order. NaN is no confidence: 0. */
export function calibrate(calibrator: Calibrator, value: number): number {
  if (Number.isNaN(value)) return 0;
  switch (calibrator.kind) {
    case 'identity':
      return Math.min(1, Math.max(0, value));
    case 'platt':
      return sigmoid(
        calibrator.slope === 0 ? calibrator.intercept : calibrator.slope * plattInput(value, calibrator.input) + calibrator.intercept,
      );
    case 'isotonic':
      return (1 - ORDER_SHARE) * isotonicAt(calibrator.knots, value) + ORDER_SHARE * sigmoid(value);
  }
}

/** Reads a stored calibrator back; throws INPUT_INVALID when it is not one that keeps `calibrate`'s promises. */
export function parseCalibrator(stored: unknown): Calibrator {
  if (typeof stored !== 'object' || stored === null || !('kind' in stored)) throw invalid('a calibrator is an object with a kind');
  const fields = stored as Readonly<Record<string, unknown>>;
  switch (fields.kind) {
    case 'identity':
      return IDENTITY;
    case 'platt':
      return parsePlatt(fields);
    case 'isotonic':
      return parseIsotonic(fields);
    default:
      throw invalid(`unknown calibrator kind ${JSON.stringify(fields.kind)}; known are identity, platt and isotonic`);
  }
}

function parsePlatt(fields: Readonly<Record<string, unknown>>): PlattCalibrator {
  const { input, slope, intercept, n } = fields;
  if (input !== 'log-odds' && input !== 'value') throw invalid('input of a platt calibrator is log-odds or value');
  if (!isFiniteNumber(slope) || slope < 0) throw invalid('slope of a platt calibrator is a number of at least 0');
  if (!isFiniteNumber(intercept)) throw invalid('intercept of a platt calibrator is a number');
  return { kind: 'platt', input, slope, intercept, n: count(n) };
}

function parseIsotonic(fields: Readonly<Record<string, unknown>>): IsotonicCalibrator {
  const { knots, n } = fields;
  if (!Array.isArray(knots) || knots.length === 0) throw invalid('an isotonic calibrator has at least one knot');
  const parsed: [number, number][] = [];
  for (const knot of knots as readonly unknown[]) {
    const [x, y] = Array.isArray(knot) ? (knot as readonly unknown[]) : [];
    if (!isFiniteNumber(x) || !isFiniteNumber(y) || y < 0 || y > 1) throw invalid('a knot is a pair of a number and a probability');
    const last = parsed.at(-1);
    if (last && (x <= last[0] || y < last[1])) throw invalid('knots ascend in both coordinates');
    parsed.push([x, y]);
  }
  return { kind: 'isotonic', knots: parsed, n: count(n) };
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function count(value: unknown): number {
  if (!isFiniteNumber(value) || !Number.isInteger(value) || value < 1) throw invalid('n of a calibrator is a whole number of rows');
  return value;
}

function invalid(message: string): SmallfirstError {
  return new SmallfirstError('INPUT_INVALID', message);
}
