import type { Json } from '../../core/index.ts';
import { readWireError } from '../codecs/errors.ts';
import { membersOf, numberIn, textIn } from './members.ts';
import type { BatchResult } from './types.ts';

/** Codes of requests that were never worked on: nobody is paid for them, and they can be sent again. */
const NOT_DONE: ReadonlySet<string> = new Set(['batch_expired', 'batch_cancelled', 'batch_timeout']);

/**
 * A line of results as OpenAI and those that follow it write it: `{custom_id, response: {status_code, body}, error}`. Null for one that
 * names no request.
 */
export function readResponseLine(line: Json): BatchResult | null {
  const { custom_id: customId, response, error } = membersOf(line);
  const id = textIn(customId);
  if (id === null) return null;
  const { status_code: code, body } = membersOf(response);
  const status = numberIn(code);
  const isRefusal = status !== null && status >= 300;
  if (body !== undefined && body !== null && !isRefusal && membersOf(error).message === undefined) return { id, kind: 'answer', body };
  const said = isRefusal ? readWireError(status, JSON.stringify(body ?? error ?? null)) : null;
  const word = textIn(membersOf(error).code) ?? '';
  const message = said?.message || textIn(membersOf(error).message) || textIn(error) || 'the provider gave no answer and no reason';
  // Without a status the request itself was not what failed.
  return { id, kind: 'error', again: said === null || NOT_DONE.has(word) || said.retryable, status, message };
}
