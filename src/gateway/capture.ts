import type { CaptureConfig, TaskConfig } from '../config/index.ts';
import type { Answer, EpochMs } from '../core/index.ts';
import { answerKey, type Body, bodyHash, captureBody, redact, redactBody } from '../run/index.ts';

/** Longer texts are not kept, because writing them would make answers wait. In bytes, and after redaction in UTF-16 units. */
const MAX_BODY = 1024 * 1024;
const NONE: readonly Body[] = [];

/**
 * What is kept of one exchange: its request once, under the hash that all of its rows carry, and the answer of each row. Everything
 * goes to the spool with the row, so that neither is there without the other.
 */
export class Capture {
  readonly #isRedacted: boolean;
  readonly #body: Buffer;
  readonly #at: EpochMs;
  #request: Body | null = null;
  #hasRead = false;
  #chunks: Buffer[] = [];
  #length = 0;
  #pending: Body[] = [];

  constructor(mode: 'full' | 'redacted', body: Buffer, at: EpochMs) {
    this.#isRedacted = mode === 'redacted';
    this.#body = body;
    this.#at = at;
  }

  /** The key of the request's text in the store; null where it is not kept. */
  get requestHash(): string | null {
    if (this.#hasRead) return this.#request?.hash ?? null;
    this.#hasRead = true;
    if (this.#body.length === 0 || this.#body.length > MAX_BODY) return null;
    const text = this.#body.toString('utf8');
    const body = this.#isRedacted ? redactBody(text) : text;
    if (body.length > MAX_BODY) return null;
    // Of the text that is kept: the hash of one that was redacted would let others test what stood there.
    this.#request = { hash: bodyHash(body), at: this.#at, body };
    this.#pending.push(this.#request);
    return this.#request.hash;
  }

  /** Hears the bytes of an answer on their way. */
  heard(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length <= MAX_BODY) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  /**
   * Keeps what was heard as the answer of a call. `streamed` is the text of an answer that came in frames, null for one that did not:
   * redacted, a stream is kept as that text, because frames may split what is to be found.
   */
  answeredBytes(callId: string, streamed: string | null): void {
    const isTooLong = this.#length > MAX_BODY;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    if (isTooLong || bytes.length === 0) return;
    if (this.#isRedacted && streamed !== null) this.#keep(callId, redact(streamed));
    else this.#keep(callId, this.#isRedacted ? redactBody(withoutTokens(bytes.toString('utf8'))) : bytes.toString('utf8'));
  }

  /** Keeps an answer of a ladder as the answer of a call: its text, or JSON of text, refusal and tool calls where there is more than text. */
  answered(callId: string, { text, refusal, toolCalls }: Pick<Answer, 'text' | 'refusal' | 'toolCalls'>): void {
    const said = refusal === null && toolCalls.length === 0 ? text : JSON.stringify({ text, refusal, toolCalls });
    if (said !== '') this.#keep(callId, this.#isRedacted ? redactBody(said) : said);
  }

  /** What is to be written with the next row. */
  take(): readonly Body[] {
    if (this.#pending.length === 0) return NONE;
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }

  #keep(callId: string, body: string): void {
    if (body !== '' && body.length <= MAX_BODY) this.#pending.push({ hash: answerKey(callId), at: this.#at, body });
  }
}

/** An answer without its log-probabilities: token by token they would spell out what is replaced in the text. '' where they cannot be taken out. */
function withoutTokens(answer: string): string {
  if (!answer.includes('logprobs')) return answer;
  try {
    return JSON.stringify(JSON.parse(answer, (key, value: unknown) => (LOGPROBS.has(key) ? null : value)));
  } catch {
    return '';
  }
}

const LOGPROBS: ReadonlySet<string> = new Set(['logprobs', 'top_logprobs']);

/** The part of an exchange that decides what is kept of it. */
export interface Capturable {
  readonly id: string;
  readonly at: EpochMs;
  readonly body: Buffer;
  readonly task: TaskConfig | null;
}

/** How the bodies of an exchange are kept: by its task's rule, else by that of the whole config. Null where they are not. */
export function captureOf({ task, id, body, at }: Capturable, general: CaptureConfig): Capture | null {
  const mode = captureBody(task?.capture ?? general, id);
  return mode === 'off' ? null : new Capture(mode, body, at);
}
