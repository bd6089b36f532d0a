import type { AnswerHead } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

/** How a frame of server-sent events begins, after any blank lines: a field, or a comment. */
const BEGINNINGS = ['data:', 'event:', 'id:', 'retry:', ':'] as const;
const LONGEST = 'retry:'.length;
/** Blank lines that may come before the first frame. */
const MAX_BLANK = 64;
const BLANK = /^(?:\xef\xbb\xbf)?[\r\n]*/;

/** Whether an answer calls itself an event stream. */
export function isEventStream({ status, contentType }: Pick<AnswerHead, 'status' | 'contentType'>): boolean {
  return status < 300 && contentType !== null && /^text\/event-stream\s*(;|$)/i.test(contentType);
}

/**
 * Whether an answer may be an event stream although it does not call itself one: it says nothing of what it is, or something else to a
 * client that asked for a stream. Its first bytes then tell.
 */
export function mayBeStream({ status, contentType, contentEncoding }: AnswerHead, { isStreamed, request }: Exchange): boolean {
  return status < 300 && contentEncoding === null && request.method !== 'HEAD' && (contentType === null || isStreamed);
}

/** Decides by its first bytes whether an answer is an event stream, and keeps them until that is known. */
export class StreamSniffer {
  #held: Buffer = Buffer.alloc(0);

  /** What came so far. */
  get held(): Buffer {
    return this.#held;
  }

  /** Takes the next bytes; null while they do not tell yet. */
  push(chunk: Buffer): 'stream' | 'plain' | null {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const text = this.#held.toString('latin1', 0, MAX_BLANK + LONGEST).replace(BLANK, '');
    if (BEGINNINGS.some((beginning) => text.startsWith(beginning))) return 'stream';
    const isOpen =
      this.#held.length < MAX_BLANK && (text === '' || '\xef\xbb\xbf'.startsWith(text) || BEGINNINGS.some((it) => it.startsWith(text)));
    return isOpen ? null : 'plain';
  }
}
