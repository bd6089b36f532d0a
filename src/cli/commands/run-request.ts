import { InvalidArgumentError } from 'commander';
import type { Json } from '../../core/index.ts';

/** Adds `key=value` to what is said about a request. A value that is JSON is that; anything else is a text. */
export function parseMember(text: string, before: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const at = text.indexOf('=');
  const key = text.slice(0, at === -1 ? text.length : at);
  if (at === -1 || key === '') throw new InvalidArgumentError('It takes key=value.');
  return { ...before, [key]: parsedOr(text.slice(at + 1)) };
}

function parsedOr(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
