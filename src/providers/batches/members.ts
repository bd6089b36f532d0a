import type { Json } from '../../core/index.ts';

/** The members of an answer of a batch API. */
export type Members = { readonly [key: string]: Json | undefined };

/** The members of an object; none of anything else. */
export function membersOf(value: Json | undefined): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

/** The items of a list; none of anything else. */
export function itemsOf(value: Json | undefined): readonly Members[] {
  return Array.isArray(value) ? value.map((item: Json) => membersOf(item)) : [];
}

/** A text that is not empty; null for anything else. */
export function textIn(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A number; null for anything else. */
export function numberIn(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
