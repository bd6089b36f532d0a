import type { Call, Model, ModelEvent } from '../core/index.ts';
import { type AnswerContext, type ClientRequest, clientCodecs, type StreamWriter } from '../providers/index.ts';
import type { AnswerListener } from '../run/index.ts';
import { answerError, answerJson, cut, idHeader, ownHeaders } from './answer.ts';
import { renderError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { Stream, type Streams } from './stream.ts';
import { writeAll } from './write-all.ts';

/** How long a stream's head may wait for the decision, which its headers then tell; later they go out without it. */
export const HEAD_WAITS_MS = 1_000;

/** What an answer is written with. */
export interface AnswerSetting {
  readonly client: ClientRequest;
  readonly streams: Streams;
  readonly inputTokens: number;
  readonly headWaitsMs: number;
}

/** Who answers and why, as headers tell it. */
export interface AnswerTold {
  readonly model: Pick<Model, 'name' | 'tier'>;
  readonly decision: string;
  readonly confidence: number | null;
}

/**
 * The client's side of a step: the one answer, in the client's protocol, plain or streamed.
 *
 * A stream that is held while models deliberate gets its head after a second, and signs of life: a comment for OpenAI's clients, the
 * start of the message and pings for Anthropic's. What is decided later than its head, a comment in the stream says.
 */
export class ClientAnswer implements AnswerListener {
  readonly live: boolean;
  readonly #exchange: Exchange;
  readonly #setting: AnswerSetting;
  readonly #context: AnswerContext;
  readonly #writer: StreamWriter | null;
  readonly #stream: Stream | null;
  readonly #timer: NodeJS.Timeout | null;
  readonly #events: ModelEvent[] = [];
  readonly #rows: Call[] = [];
  #choice: AnswerTold | null = null;

  constructor(exchange: Exchange, setting: AnswerSetting) {
    const { client, streams } = setting;
    this.#exchange = exchange;
    this.#setting = setting;
    this.live = client.stream;
    this.#context = {
      id: exchange.id,
      model: client.model,
      created: Math.floor(exchange.at / 1000),
      inputTokens: setting.inputTokens,
      client,
    };
    this.#writer = client.stream ? clientCodecs[client.protocol].streamWriter(this.#context) : null;
    this.#stream = client.stream ? new Stream(exchange, streams, exchange.route.family) : null;
    this.#timer = client.stream ? setTimeout(() => this.#openEarly(), setting.headWaitsMs) : null;
  }

  /** A row of the step, as it is recorded: its cost is in the headers or the last comment. */
  booked(row: Call): void {
    this.#rows.push(row);
  }

  chosen(choice: AnswerTold): void {
    this.#choice = choice;
    if (this.#stream === null) return;
    this.#stopTimer();
    if (this.#exchange.response.headersSent) void this.#write(comment(this.#told(false)));
    else this.#open(this.#stream);
  }

  event(event: ModelEvent): void | Promise<void> {
    if (this.#writer === null) {
      this.#events.push(event);
      return;
    }
    // What the whole request cost is known now, and the frames that follow are the last that anybody reads.
    const before = event.type === 'end' ? comment(this.#costTold()) : '';
    return this.#write(before + this.#writer.push(event));
  }

  /** The answer is complete. */
  finish(): void {
    const { response } = this.#exchange;
    if (this.#writer === null) {
      const document = clientCodecs[this.#setting.client.protocol].writeResponse(this.#events, this.#context);
      answerJson(this.#exchange, 200, document, [...this.#limits(), ...this.#told(true)]);
      return;
    }
    void this.#write(this.#writer.finish());
    this.#close();
    response.end();
  }

  /** No answer, or only a part of one: an error where nothing was sent yet, else an end that looks cut. */
  fail(error: unknown): void {
    const { response, route, id } = this.#exchange;
    this.#stopTimer();
    if (this.#writer === null || !response.headersSent) {
      this.#close();
      answerError(this.#exchange, error);
      return;
    }
    const { status, code, body } = renderError(error, route.protocol, id);
    this.#exchange.errorCode = code;
    const { message } = (body.error ?? body) as { readonly message?: unknown };
    void this.#write(this.#writer.error({ message: typeof message === 'string' ? message : 'The answer broke off.' }, status));
    this.#close();
    cut(this.#exchange);
  }

  /** The client has gone: nothing is written any more. */
  abandon(): void {
    this.#stopTimer();
    this.#close();
  }

  #close(): void {
    this.#stream?.close();
    this.#exchange.worker = null;
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #openEarly(): void {
    const { response } = this.#exchange;
    if (this.#stream === null || this.#writer === null || response.headersSent || response.destroyed) return;
    this.#open(this.#stream);
    const start: ModelEvent = {
      type: 'start',
      servedModel: null,
      fingerprint: null,
      upstreamId: null,
      inputTokens: this.#setting.inputTokens,
    };
    // Pings are only sure to be understood once the message has begun; OpenAI's chunks would tell a fingerprint that is not known yet.
    void this.#write(this.#setting.client.protocol === 'anthropic-messages' ? this.#writer.push(start) : this.#writer.ping());
  }

  #open(stream: Stream): void {
    this.#exchange.response.writeHead(200, [
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-cache',
      ...this.#limits(),
      ...this.#told(false),
      ...idHeader(this.#exchange),
      ...ownHeaders(this.#exchange),
    ]);
    stream.open(true);
  }

  #limits(): readonly string[] {
    return this.#exchange.reservation?.headers ?? [];
  }

  /** What is known of the decision, as headers. Costs are known at the end only. */
  #told(withCost: boolean): string[] {
    const headers: string[] = [];
    const choice = this.#choice;
    if (choice !== null) {
      headers.push('x-smallfirst-model', choice.model.name, 'x-smallfirst-tier', choice.model.tier);
      headers.push('x-smallfirst-decision', choice.decision === 'ceiling' ? (this.#exchange.decision ?? 'ceiling') : choice.decision);
      if (choice.confidence !== null) headers.push('x-smallfirst-confidence', choice.confidence.toFixed(6));
    }
    if (withCost) headers.push(...this.#costTold());
    return headers;
  }

  /** Of all attempts; nothing where one of them has no known price. */
  #costTold(): string[] {
    let sum = 0;
    for (const { cost } of this.#rows) {
      if (cost === null) return [];
      sum += cost;
    }
    return this.#rows.length === 0 ? [] : ['x-smallfirst-cost-usd', (sum / 1e9).toFixed(9)];
  }

  #write(text: string): void | Promise<void> {
    return writeAll(this.#exchange.response, this.#stream, text);
  }
}

/** Header names and values as a comment of a stream; '' for none. */
export function comment(headers: readonly string[]): string {
  if (headers.length === 0) return '';
  const pairs: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push(`${headers[i]}: ${headers[i + 1]}`);
  return `: ${pairs.join(', ')}\n\n`;
}
