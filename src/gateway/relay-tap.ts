import { type AnswerHead, createTap, type Tap } from '../providers/index.ts';
import { CompressedTap } from './compressed-tap.ts';
import { ErrorLines } from './error-lines.ts';
import type { Exchange } from './exchange.ts';
import { asksForUsage } from './outbound.ts';

/** How a relayed answer is read on its way; null where nothing is to be learned from it, or it cannot be read. */
export function relayTap(exchange: Exchange, head: AnswerHead, isStream: boolean, onText: (text: string) => void): Tap | null {
  const { tap } = exchange.route;
  if (tap === null || head.status >= 300) return null;
  const { contentEncoding } = head;
  if (contentEncoding !== null) return new CompressedTap(contentEncoding, () => createTap({ protocol: tap, stream: isStream, onText }));
  return createTap({ protocol: tap, stream: isStream, hideUsage: isStream && asksForUsage(head.target, exchange), onText });
}

/** What keeps our account out of the errors of a relayed stream; null where the credential is the client's own, or nothing can be read. */
export function relayMask(head: AnswerHead): ErrorLines | null {
  return head.target.hasOwnKey && head.contentEncoding === null ? new ErrorLines() : null;
}

/**
 * Whether a plain body may be an error: its status says so, or it is not the answer that was asked for. What is only fetched (the
 * content of a file) is what the client once sent, whatever it looks like.
 */
export function mayBeError(exchange: Exchange, head: AnswerHead, tap: Tap | null): boolean {
  if (head.status >= 400) return true;
  if (head.contentEncoding !== null) return false;
  if (tap === null) return exchange.request.method === 'POST';
  const { legible, failure } = tap.report();
  return !legible || failure !== null;
}
