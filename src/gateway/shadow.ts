import type { TaskConfig } from '../config/index.ts';
import type { Answer, Call, ModelRequest, StopReason } from '../core/index.ts';
import type { Exchange } from './exchange.ts';
import type { Afterward } from './live-afterward.ts';
import type { BesideDeps } from './live-beside.ts';
import { heardAnswer, type Side } from './live-types.ts';
import { isTranslatable, readRequest } from './translate.ts';

/**
 * A request that was drawn for shadow calls, and that its ceiling answers: when the client has that answer, the candidates are asked the
 * same, and each pair is kept as a uniform draw.
 */
export class Shadow implements Afterward {
  readonly #exchange: Exchange;
  readonly #task: TaskConfig;
  readonly #deps: BesideDeps;
  #big: Side | null = null;

  constructor(exchange: Exchange, task: TaskConfig, deps: BesideDeps) {
    this.#exchange = exchange;
    this.#task = task;
    this.#deps = deps;
  }

  said(row: Call, answer: Answer): void {
    if (row.outcome === 'accepted' && row.model === this.#task.ladder.at(-1)) this.#big = { row, answer };
  }

  relayed(row: Call, text: string, stop: StopReason | null): void {
    // What nobody could read, and a turn that calls tools, is compared with nothing.
    if (row.outcome === 'accepted' && stop !== null && stop !== 'tool-call') this.#big = { row, answer: heardAnswer(text, stop, row) };
  }

  over(): void {
    const big = this.#big;
    if (big === null) return;
    const { background } = this.#deps;
    background.offer({ bytes: this.#exchange.body.length, run: (signal) => this.#run(big, signal) });
  }

  async #run(big: Side, signal: AbortSignal): Promise<void> {
    const request = requestOf(this.#exchange);
    if (request === null) return;
    const { shadow } = this.#task;
    for (const candidate of shadow?.candidates ?? []) {
      if (signal.aborted) return;
      const small = await this.#deps.ask({ exchange: this.#exchange, request, model: candidate, purpose: 'shadow', signal });
      if (small === null) continue;
      await this.#deps.pair({
        exchange: this.#exchange,
        task: this.#task,
        request,
        small,
        big,
        signal,
        drawn: 'uniform',
        inclusion: shadow?.share ?? 1,
        candidate,
        certificate: null,
        confidence: null,
        skip: this.#deps.isHard(this.#task, request),
      });
    }
  }
}

/** The request in our own words; null where they cannot say all of it, so that a small model would be asked something else. */
export function requestOf(exchange: Exchange): ModelRequest | null {
  if (!isTranslatable(exchange)) return null;
  const client = readRequest(exchange);
  return client.untranslatable.length > 0 ? null : client.request;
}
