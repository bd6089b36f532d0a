import type { Body } from './types.ts';

/** A member that should be text; '' for anything else. */
export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A member that should be a list of objects; none for anything else. */
export function asList(value: unknown): readonly Body[] {
  return Array.isArray(value) ? (value as Body[]) : [];
}

/** The beginning of what a message says: its text, and what kind of thing every other part is. */
export function wordsOf(content: unknown): string {
  if (typeof content === 'string') return content.slice(0, 200);
  return asList(content)
    .map((part) => (typeof part.text === 'string' ? part.text : `[${textIn(part.type)}]`))
    .join(' ')
    .slice(0, 200);
}
