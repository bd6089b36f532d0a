import { type Json, type NanoUsd, nanoUsd } from '../core/index.ts';

/** An object of untrusted JSON. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The value where it is an object, or null. */
export function objectOf(value: unknown): JsonRecord | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : null;
}

/** The value where it is a list, or an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value where it is a text that says something, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The first of some members that is a text that says something. */
export function firstText(record: JsonRecord | null, ...names: readonly string[]): string | null {
  if (record === null) return null;
  for (const name of names) {
    const text = textOf(record[name]);
    if (text !== null) return text;
  }
  return null;
}

/** A finite number, also one that is written as text (as CSV has it), or null. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || value === '' || value.length > 40) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** The first of some members that is a finite number. */
export function firstNumber(record: JsonRecord | null, ...names: readonly string[]): number | null {
  if (record === null) return null;
  for (const name of names) {
    const number = numberOf(record[name]);
    if (number !== null) return number;
  }
  return null;
}

/** Whether a value is yes in the words of JSON, CSV and databases. */
export function isYes(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && /^(?:true|1|t|yes)$/i.test(value));
}

/** JSON inside a text (a column of a CSV, an attribute of a span) as what it says; any other value as it is. Text that is no JSON stays. */
export function unpacked(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const first = value.charCodeAt(0);
  if (first !== 0x7b && first !== 0x5b && first !== 0x22 && first !== 0x20 && first !== 0x0a) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** JSON inside a text where it is an object, or null. */
export function unpackedObject(value: unknown): JsonRecord | null {
  return objectOf(unpacked(value));
}

/**
 * A time in milliseconds: of an ISO 8601 text (without a zone it is UTC, as databases write it), or of a number of seconds,
 * milliseconds, microseconds or nanoseconds, told apart by size. Null where it is none between 2000 and 2100.
 */
export function timeOf(value: unknown): number | null {
  // `2026-…` is no number: asking is what would take the time.
  const number = typeof value === 'string' && value.charCodeAt(4) === 0x2d ? null : numberOf(value);
  if (number !== null) {
    const size = Math.abs(number);
    return inRange(size < 1e11 ? number * 1000 : size < 1e14 ? number : size < 1e17 ? number / 1e3 : number / 1e6);
  }
  if (typeof value !== 'string' || value.length < 10 || value.length > 40) return null;
  const plain = plainTime(value);
  if (plain !== null) return inRange(plain);
  const hasZone = /(?:Z|UTC|[+-]\d{2}:?\d{2})$/i.test(value);
  const text = value.replace(' ', 'T').replace(/ ?UTC$/i, 'Z');
  return inRange(Date.parse(hasZone || text.length === 10 ? text : `${text}Z`));
}

/** `2026-01-31 10:00:00.123`, `T` or a space between, in UTC: what nearly every log writes, read four times as fast as `Date.parse` does. */
function plainTime(text: string): number | null {
  if (
    text.length < 19 ||
    text.charCodeAt(4) !== 0x2d ||
    text.charCodeAt(7) !== 0x2d ||
    text.charCodeAt(13) !== 0x3a ||
    text.charCodeAt(16) !== 0x3a
  )
    return null;
  const middle = text.charCodeAt(10);
  if (middle !== 0x54 && middle !== 0x20) return null;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  let end = 19;
  let milliseconds = 0;
  if (text.charCodeAt(19) === 0x2e) {
    end = 20;
    for (let scale = 100; isDigit(text, end); scale /= 10, end++) milliseconds += (text.charCodeAt(end) - 48) * scale;
  }
  const zone = text.slice(end);
  if (zone !== '' && zone !== 'Z' && zone !== '+00:00' && zone !== '+00') return null;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 28 && year > 0 && hour < 24 && minute < 60 && second < 60)) return null;
  return Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(milliseconds);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** The number that some digits are; NaN where one is none. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = isDigit(text, at) ? number * 10 + text.charCodeAt(at) - 48 : Number.NaN;
  return number;
}

function inRange(time: number): number | null {
  return time >= 946_684_800_000 && time < 4_102_444_800_000 ? Math.round(time) : null;
}

/** Milliseconds between two times; null where one is missing or they are the wrong way round. */
export function between(start: number | null, end: number | null): number | null {
  return start === null || end === null || end < start ? null : end - start;
}

/** Dollars as a log has them; null where there are none or they make no sense. */
export function dollarsOf(value: unknown): NanoUsd | null {
  const usd = numberOf(value);
  return usd === null || Math.abs(usd) > 9e6 ? null : nanoUsd(usd);
}

/** The value as JSON: what `JSON.parse` gave is. */
export function jsonOf(value: unknown): Json {
  return value === undefined ? null : (value as Json);
}

/** A message of an error in a log, short and on one line. */
export function shortError(value: unknown): string | null {
  const record = objectOf(value);
  const text = record ? (firstText(record, 'message', 'error_message', 'error_class') ?? firstText(record, 'type', 'code')) : textOf(value);
  return text === null ? null : text.replace(/\s+/g, ' ').slice(0, 200);
}
