import { type JsonObject, JsonShapeError, lastMember, memberValue } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

/** What a client labels its request with: by name, the group that it belongs to. */
export type RequestTags = Readonly<Record<string, string>>;

const NONE: RequestTags = {};
const MAX_BYTES = 4 * 1024;
const MAX_TAGS = 16;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_GROUP = 128;

/**
 * The `tags` of a Messages request (beta request-tags), for telling what it cost by group; whatever of them is no name with a group is
 * left out. Nothing is refused for them, and nothing is routed by them.
 */
export function requestTags({ route, body, members }: Pick<Exchange, 'route' | 'body' | 'members'>): RequestTags {
  if (route.protocol !== 'anthropic-messages') return NONE;
  const member = lastMember(members, 'tags');
  if (member === undefined || member.valueEnd - member.valueStart > MAX_BYTES) return NONE;
  let value: unknown;
  try {
    value = memberValue(body, members, 'tags');
  } catch (error) {
    if (error instanceof JsonShapeError) return NONE;
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return NONE;
  const entries = Object.entries(value as JsonObject).filter(
    (entry): entry is [string, string] => NAME.test(entry[0]) && typeof entry[1] === 'string' && entry[1].length <= MAX_GROUP,
  );
  return Object.fromEntries(entries.slice(0, MAX_TAGS));
}
