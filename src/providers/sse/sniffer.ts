/** How a frame of server-sent events begins, after any blank lines: a field, or a comment. */
const BEGINNINGS = ['data:', 'event:', 'id:', 'retry:', ':'] as const;
const LONGEST = 'retry:'.length;
/** Blank lines that may come before the first frame. */
const MAX_BLANK = 64;
const BLANK = /^(?:\xef\xbb\xbf)?[\r\n]*/;

/** Whether a content type is that of server-sent events. */
export function isEventStreamType(contentType: string | null): boolean {
  return contentType !== null && /^text\/event-stream\s*(;|$)/i.test(contentType);
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
