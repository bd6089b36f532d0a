import { SmallfirstError } from '../core/index.ts';

/** JSON would write NaN and infinity as null, which means something else; as text they are refused when they are read. */
export function measured(value: number | null): number | string | null {
  return value === null || Number.isFinite(value) ? value : String(value);
}

/** The members of a line. Throws INPUT_INVALID where it is no list. */
export function membersOf(line: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw invalid('it is not JSON');
  }
  if (!Array.isArray(value)) throw invalid('it is not a list');
  return value as readonly unknown[];
}

/** Refuses a list of another length. */
export function requireLength(members: readonly unknown[], length: number): void {
  if (members.length !== length) throw invalid(`it has ${members.length} members instead of ${length}`);
}

/** A member that must be a text; `what` names it for people. */
export function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw invalid(`${what} is not a text`);
}

/** The same for one that may be null. */
export function textOrNull(value: unknown, what: string): string | null {
  return value === null ? null : text(value, what);
}

/** A member that must be a number. */
export function number(value: unknown, what: string): number {
  if (typeof value === 'number') return value;
  throw invalid(`${what} is not a number`);
}

/** The same for one that may be null. */
export function numberOrNull(value: unknown, what: string): number | null {
  return value === null ? null : number(value, what);
}

/** A yes or no, kept as 1 or 0. */
export function flag(value: unknown, what: string): boolean {
  if (value === 1) return true;
  if (value === 0) return false;
  throw invalid(`${what} is neither 0 nor 1`);
}

/** A word of a closed set. */
export function oneOf<T extends string>(value: unknown, known: Readonly<Record<T, true>>, what: string): T {
  if (typeof value === 'string' && Object.hasOwn(known, value)) return value as T;
  throw invalid(`${what} is not a known word`);
}

/** The error of a line that cannot be read. */
export function invalid(why: string): SmallfirstError {
  return new SmallfirstError('INPUT_INVALID', `a line of the spool cannot be read: ${why}`);
}
