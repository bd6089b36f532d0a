import { type AnswerHead, isEventStreamType } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

/** Whether an answer calls itself an event stream. */
export function isEventStream({ status, contentType }: Pick<AnswerHead, 'status' | 'contentType'>): boolean {
  return status < 300 && isEventStreamType(contentType);
}

/**
 * Whether an answer may be an event stream although it does not call itself one: it says nothing of what it is, or something else to a
 * client that asked for a stream. Its first bytes then tell. What is fetched may begin with any bytes and is never taken for one: signs of
 * life would be put into it.
 */
export function mayBeStream({ status, contentType, contentEncoding }: AnswerHead, { isStreamed, request }: Exchange): boolean {
  return status < 300 && contentEncoding === null && request.method === 'POST' && (contentType === null || isStreamed);
}
