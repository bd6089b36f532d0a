import type { AnswerHead } from '../providers/index.ts';
import { withoutAccountIds } from './account-ids.ts';
import { describesBody, passedHeaders } from './answer-headers.ts';
import { maskError } from './error-mask.ts';

/** Whether a failed answer's body may go on: an error object, and not about the credential of ours that the upstream refused. */
export function mayPass(head: AnswerHead, body: Buffer): boolean {
  if ((head.status === 401 || head.status === 403) && head.target.hasOwnKey) return false;
  return isJson(head.contentType, body);
}

/** Refusals that are about the request: clients compact and correct by their words, which go on as they are. */
const ABOUT_REQUEST: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * The body of a failed answer, or of an error that calls itself an answer, without the ids of the account that our key belongs to; the
 * same bytes where there are none, where the key is the client's own, and where a status says that the words are about the request.
 */
export function withoutAccount(head: Pick<AnswerHead, 'status' | 'target'>, body: Buffer): Buffer {
  if (!head.target.hasOwnKey || ABOUT_REQUEST.has(head.status)) return body;
  return head.status < 400 ? maskError(body, false).bytes : withoutAccountIds(body);
}

function isJson(contentType: string | null, body: Buffer): boolean {
  if (contentType !== null && !contentType.includes('json')) return false;
  const first = body.subarray(0, 64).toString('latin1').trimStart();
  return first.startsWith('{') || first.startsWith('[');
}

/** What goes on of a failed answer whose body does not: everything but what describes the body. For `isLimited`, see `passedHeaders`. */
export function errorHeaders(head: Pick<AnswerHead, 'headers' | 'target'>, isLimited: boolean): string[] {
  return passedHeaders(head, isLimited, describesBody);
}

/** An error as a frame of a stream: with its event's name where the protocol has names. */
export function errorFrame(protocol: string, document: object): string {
  return `${protocol === 'openai-chat' ? '' : 'event: error\n'}data: ${JSON.stringify(document)}\n\n`;
}
