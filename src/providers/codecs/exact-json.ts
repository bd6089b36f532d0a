import { randomUUID } from 'node:crypto';
import { isObject, parseJson } from './shape.ts';
import type { JsonObject } from './types.ts';

/** Stands in a body for a text until it is written; nobody outside can know it. */
const MARK = `exact-${randomUUID()}-`;
const MARKS = new RegExp(`"${MARK}(\\d+)"`, 'g');
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The texts of the body that is being written: by one writer at a time, from its first to its last member. */
let texts: string[] | null = null;

/** The object that a JSON text holds, null for anything else. `bodyText` writes it as the text has it; `JSON.stringify` as it was parsed. */
export function exactObject(text: string): JsonObject | null {
  const parsed = parseJson(text);
  if (!isObject(parsed)) return null;
  // Lone surrogates are no UTF-8: they are written as escapes.
  if (JSON.stringify(parsed) === text || LONE_SURROGATE.test(text)) return parsed;
  const value = Object.hasOwn(parsed, 'toJSON') ? {} : parsed;
  const toJSON = (): unknown => (texts === null ? parsed : `${MARK}${texts.push(text) - 1}`);
  return Object.defineProperty(value, 'toJSON', { value: toJSON, enumerable: false });
}

/** A body as JSON, with the arguments of tools as they were written: large numbers, equal keys and all. */
export function bodyText(body: JsonObject): string {
  const found: string[] = [];
  texts = found;
  try {
    const json = JSON.stringify(body);
    return found.length === 0 ? json : json.replace(MARKS, (_, index: string) => found[Number(index)] ?? '');
  } finally {
    texts = null;
  }
}
