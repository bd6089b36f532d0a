import { targetOf } from './address.ts';
import type { AttemptOutcome } from './breaker.ts';
import { type AnswerHeaders, answerHeaders, type HeaderList, requestHeaders } from './headers.ts';
import type { HttpExchange, HttpHandler } from './http1/index.ts';
import { loraHost, type TargetLora } from './lora/index.ts';
import { isUpstreamFault, mayRetry } from './retry-rules.ts';
import type { LiveTarget } from './target.ts';
import { type OutboundCall, UpstreamError } from './types.ts';

/** Longest failed answer that is kept whole while it is decided what to do; a longer one goes to the client as it comes. */
const MAX_HELD_BYTES = 256 * 1024;

const NO_CREDENTIAL: HeaderList = [];

/** What an attempt tells the request that it belongs to. */
export interface AttemptOwner {
  /** An answer begins; false when it is not wanted any more. */
  onAnswer(attempt: Attempt, status: number, headers: AnswerHeaders): boolean;
  onData(chunk: Buffer): boolean;
  onEnd(attempt: Attempt): void;
  /** An answer with a status that may be tried again has come in whole. */
  onRefusal(attempt: Attempt, refusal: Refusal): void;
  /** The connection failed, before an answer (`begun` false) or within it. */
  onFailure(attempt: Attempt, cause: Error, begun: boolean): void;
  monotonic(): number;
}

/** A failed answer, held whole. */
export interface Refusal {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
}

/** One request to one target with one key. */
export class Attempt implements HttpHandler {
  readonly target: LiveTarget;
  readonly key: number;
  readonly startedAt: number;
  readonly #owner: AttemptOwner;
  #exchange: HttpExchange | null = null;
  #isOver = false;
  #isTrial = false;
  #isJudged = false;
  #isAnswer = false;
  #held: Buffer[] | null = null;
  #heldBytes = 0;
  #status = 0;
  #headers: AnswerHeaders | null = null;
  /** Sends the request once more; null where a missing model is the answer. */
  #again: (() => void) | null = null;

  constructor(owner: AttemptOwner, target: LiveTarget, key: number) {
    this.#owner = owner;
    this.target = target;
    this.key = key;
    this.startedAt = owner.monotonic();
  }

  /** Sends the request. The target's slot, where it has slots, is already taken; it is given back when the attempt is over. */
  start(method: string, query: string, call: OutboundCall): void {
    const { target } = this;
    this.#isTrial = target.breaker?.begin(this.startedAt) ?? false;
    const { lora } = target;
    if (lora === null) {
      this.#send(method, query, call);
      return;
    }
    const isRepeatable = call.body === null || Buffer.isBuffer(call.body);
    if (isRepeatable) this.#again = () => this.#sendWith(lora, method, query, call);
    this.#sendWith(lora, method, query, call);
  }

  /** The adapters first, where they are not in place. */
  #sendWith(lora: TargetLora, method: string, query: string, call: OutboundCall): void {
    const now = (): number => this.#owner.monotonic();
    if (lora.isReady(now())) {
      this.#send(method, query, lora.written(call));
      return;
    }
    const { address, sender, uploads, credentials } = this.target;
    const credential = credentials[this.key] ?? NO_CREDENTIAL;
    lora.ready(loraHost({ address, sender, uploads, credential }), now).then(
      () => {
        if (!this.#isOver) this.#send(method, query, lora.written(call));
      },
      (cause: unknown) => this.onError(cause instanceof Error ? cause : new Error(String(cause))),
    );
  }

  #send(method: string, query: string, call: OutboundCall): void {
    const { target } = this;
    const credential = target.credentials[this.key] ?? (target.forwardCredential ? null : NO_CREDENTIAL);
    const headers = requestHeaders(call.headers, credential);
    const path = targetOf(target.address, call.path, query, target.info.model);
    const { timeoutMs } = target;
    const { body } = call;
    this.#exchange =
      body === null || Buffer.isBuffer(body)
        ? target.sender.send({ method, path, headers, body, timeoutMs }, this)
        : target.uploads.send({ method, path, headers, body, length: call.length ?? null, timeoutMs }, this);
  }

  /** Calls the attempt off; the upstream sees its connection close. */
  cancel(): void {
    if (this.#isOver) return;
    this.#finish('neither');
    this.#exchange?.abort();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  onHead(status: number, headers: HeaderList): void {
    if (this.#isOver) return;
    this.#status = status;
    this.#headers = answerHeaders(headers);
    if (mayRetry(status) || (status === 404 && this.#again !== null)) this.#held = [];
    else this.#answer();
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    const held = this.#held;
    if (held === null) return this.#owner.onData(chunk);
    held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) return true;
    this.#held = null;
    if (!this.#answer()) return true;
    let goesOn = true;
    for (const piece of held) goesOn = this.#owner.onData(piece);
    return goesOn;
  }

  onComplete(): void {
    if (this.#isOver) return;
    const held = this.#held;
    const headers = this.#headers;
    if (this.#status === 404 && this.#again !== null && held !== null) {
      this.#startAgain(this.#again);
      return;
    }
    this.#finish(isUpstreamFault(this.#status) ? 'failure' : 'success');
    if (held === null || headers === null) this.#owner.onEnd(this);
    else
      this.#owner.onRefusal(this, { status: this.#status, headers, body: held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held) });
  }

  /** The server does not know the model: it was restarted, and has lost the adapter. Once. */
  #startAgain(again: () => void): void {
    this.#again = null;
    this.#held = null;
    this.#heldBytes = 0;
    this.#exchange = null;
    this.target.lora?.forget();
    again();
  }

  onError(cause: Error): void {
    if (this.#isOver) return;
    this.target.lora?.forget();
    // What a person must put right says nothing about the server's health.
    this.#finish(cause instanceof UpstreamError && !cause.row.retry ? 'neither' : 'failure');
    this.#owner.onFailure(this, cause, this.#isAnswer);
  }

  #answer(): boolean {
    this.#isAnswer = true;
    // A trial has passed when its answer begins: a long stream must not keep everybody else away.
    if (this.#isTrial && !isUpstreamFault(this.#status)) this.#judge('success');
    return this.#owner.onAnswer(this, this.#status, this.#headers as AnswerHeaders);
  }

  #finish(outcome: AttemptOutcome): void {
    this.#isOver = true;
    this.#judge(outcome);
    this.target.limiter?.leave();
  }

  #judge(outcome: AttemptOutcome): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    this.target.breaker?.end(outcome, this.#owner.monotonic(), this.#isTrial);
  }
}
