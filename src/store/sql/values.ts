import { type Json, type NanoUsd, SmallfirstError } from '../../core/index.ts';

const unsafeText = /[\p{Cc}\p{Surrogate}]/u;
const unsafeTextAll = /[\p{Cc}\p{Surrogate}]/gu;
const NAME_LENGTH = 256;

/**
 * Text that both engines keep and give back as it is: control characters (NUL ends a string in one and is refused by the other)
 * and broken surrogates become U+FFFD. Names come from clients and providers, and one bad name must not stop an ingest.
 */
export function plainText(text: string): string {
  return unsafeText.test(text) ? text.replace(unsafeTextAll, '\ufffd') : text;
}

/** The same for a short name: what goes beyond 256 characters is cut. */
export function plainName(name: string): string {
  return plainText(name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH - 1)}…` : name);
}

/** The same for a name that may be absent. */
export function plainNameOrNull(name: string | null): string | null {
  return name === null ? null : plainName(name);
}

/** The same for text that may be absent. */
export function plainTextOrNull(text: string | null): string | null {
  return text === null ? null : plainText(text);
}

/** A whole number read from a database. Throws RangeError past 2^53 - 1, where it would have been rounded. */
export function exactInteger(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`not a whole number in the exact range: ${String(value)}`);
  return number;
}

/** A sum of money read from a database, or null. Throws RangeError where it would have been rounded. */
export function exactMoney(value: unknown): NanoUsd | null {
  return value === null ? null : (exactInteger(value) as NanoUsd);
}

/** Refuses a row that a database would round or store as something else. `what` names the member for people. */
export function requireCount(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SmallfirstError('INPUT_INVALID', `${what} is not a whole number from 0 to 2^53 - 1: ${value}`);
}

/** The same for money, which may be null (unpriced) or negative (a credit). */
export function requireMoney(value: number | null, what: string): number | null {
  if (value === null || Number.isSafeInteger(value)) return value;
  throw new SmallfirstError('INPUT_INVALID', `${what} is not a whole number of nano-dollars in the exact range: ${value}`);
}

/** The same for a measured number, which may be null. */
export function requireFinite(value: number | null, what: string): number | null {
  if (value === null || Number.isFinite(value)) return value;
  throw new SmallfirstError('INPUT_INVALID', `${what} is not a finite number: ${value}`);
}

/** Milliseconds as whole microseconds, so that sums of them are exact. */
export function microseconds(ms: number | null, what: string): number | null {
  if (ms === null) return null;
  return requireCount(Math.round(requireFinite(ms, what)! * 1000), what);
}

/** Whole microseconds as milliseconds. */
export function milliseconds(us: number | null): number | null {
  return us === null ? null : us / 1000;
}

/** JSON text of a value. A NUL or a broken surrogate inside a string is escaped, so any string survives. */
export function toJson(value: Json): string {
  return JSON.stringify(value);
}

/** Reads what `toJson` wrote. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Any text, or null, as JSON text or null. */
export function jsonOrNull(text: string | null): string | null {
  return text === null ? null : toJson(text);
}

/** Reads what `jsonOrNull` wrote. */
export function textOrNull(json: string | null): string | null {
  return json === null ? null : fromJson<string>(json);
}

/** Refuses what is no page size. */
export function requireLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new RangeError(`not a page size: ${limit}`);
}

/** A list in parts of at most `size`: engines limit the parameters of one statement. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
