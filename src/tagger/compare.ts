import type { Fields, FieldValue } from './types.ts';

/** How one record compares with the right one: values that are right, wrong or too many, and missing; each value of a list counts by itself. */
export interface FieldCounts {
  readonly right: number;
  readonly wrong: number;
  readonly missing: number;
  /** Nothing wrong and nothing missing. */
  readonly exact: boolean;
}

/** Compares values as strings, runs of spaces and line ends counted as one space; the order of a list does not count. */
export function compareFields(predicted: Fields, gold: Fields): FieldCounts {
  let right = 0;
  let wrong = 0;
  let missing = 0;
  for (const name of new Set([...Object.keys(predicted), ...Object.keys(gold)])) {
    const wanted = valuesOf(gold[name]).map(plain);
    for (const value of valuesOf(predicted[name])) {
      const at = wanted.indexOf(plain(value));
      if (at < 0) wrong += 1;
      else {
        right += 1;
        wanted.splice(at, 1);
      }
    }
    missing += wanted.length;
  }
  return { right, wrong, missing, exact: wrong === 0 && missing === 0 };
}

/** The values of a field as a list; none when the field is absent or empty. */
export function valuesOf(value: FieldValue | undefined): readonly string[] {
  if (value === undefined || value === '') return [];
  return typeof value === 'string' ? [value] : value;
}

function plain(value: string): string {
  return value.replace(/\s+/g, ' ').trim();
}
