import type { AnswerHead } from '../providers/index.ts';
import { ownHeaders, SAFE_NAME } from './answer.ts';
import { isForeignLimit } from './budget-headers.ts';
import type { Exchange } from './exchange.ts';
import type { Directory } from './types.ts';

/** Names of headers in which vendors tell whose account answered. */
const ACCOUNT = /(^|-)(organi[sz]ation|project|workspace|account|tenant|subscription|billing|user)(-(id|name|uuid|slug))?$/;
// Upstreams send the same few names again and again; the table is bounded because names come from outside.
const known = new Map<string, boolean>();
const MAX_KNOWN = 1024;

/** Whether a header, its name in lower case, tells whose account answered: that is for clients only where the credential is their own. */
export function namesAccount(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const told = ACCOUNT.test(name);
  if (known.size < MAX_KNOWN) known.set(name, told);
  return told;
}

/**
 * An upstream's headers as a client may see them, which is all but what only we say and what is about an account of ours. `isLimited`:
 * budgets of ours hold for the client, so that the limits of the upstream's account are not its own. `drops`: what else stays behind.
 */
export function passedHeaders(
  { headers, target }: Pick<AnswerHead, 'headers' | 'target'>,
  isLimited: boolean,
  drops: (name: string) => boolean,
): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.startsWith('x-smallfirst-') || drops(name)) continue;
    if ((target.hasOwnKey && namesAccount(name)) || (isLimited && isForeignLimit(name))) continue;
    kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/**
 * The headers of a relayed answer. `isEdited`: the bytes that go out may be others than those that came, so nobody knows their length
 * beforehand. `renames` is false for a model that the config does not name.
 */
export function relayedHeaders(
  exchange: Exchange,
  head: AnswerHead,
  { renames, isEdited, directory }: { readonly renames: boolean; readonly isEdited: boolean; readonly directory: Directory },
): string[] {
  const limits = exchange.reservation?.headers ?? null;
  const headers = passedHeaders(head, limits !== null, isEdited ? isLength : never);
  for (const part of ownHeaders(exchange)) headers.push(part);
  const name = renames ? head.target.name : exchange.model;
  if (SAFE_NAME.test(name)) headers.push('x-smallfirst-model', name);
  const tier = renames ? directory.models.get(name)?.tier : undefined;
  if (tier !== undefined) headers.push('x-smallfirst-tier', tier);
  if (exchange.decision !== null) headers.push('x-smallfirst-decision', exchange.decision);
  // What is left of a budget explains no error of an upstream, and would contradict its rate limit.
  if (limits !== null && head.status < 400) headers.push(...limits);
  return headers;
}

/** Whether a header says how long a body is. */
function isLength(name: string): boolean {
  return name === 'content-length';
}

/** Whether a header describes a body: what goes out in its place is another. */
export function describesBody(name: string): boolean {
  return name.startsWith('content-') || name === 'etag';
}

function never(): boolean {
  return false;
}
