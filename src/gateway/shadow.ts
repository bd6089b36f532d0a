import type { TaskConfig } from '../config/index.ts';
import type { Answer, Call } from '../core/index.ts';
import type { Afterward } from './live-afterward.ts';
import type { BesideDeps } from './live-beside.ts';
import { HeardBytes, type Relayed } from './live-heard.ts';
import { isGradable } from './live-pair.ts';
import type { LiveRequest } from './live-request.ts';
import type { Side } from './live-types.ts';

/**
 * A request that was drawn for shadow calls, and that its ceiling answers: when the client has that answer, the candidates are asked the
 * same, and each pair is kept as a uniform draw.
 */
export class Shadow implements Afterward {
  readonly #subject: LiveRequest;
  readonly #task: TaskConfig;
  readonly #deps: BesideDeps;
  readonly #heard = new HeardBytes();
  #big: Side | null = null;
  #relayed: Relayed | null = null;

  constructor(subject: LiveRequest, task: TaskConfig, deps: BesideDeps) {
    this.#subject = subject;
    this.#task = task;
    this.#deps = deps;
  }

  said(row: Call, answer: Answer): void {
    if (row.outcome === 'accepted' && row.model === this.#task.ladder.at(-1)) this.#big = { row, answer };
  }

  heard(chunk: Buffer): void {
    this.#heard.add(chunk);
  }

  relayed(row: Call, isStream: boolean): void {
    if (row.outcome === 'accepted') this.#relayed = { row, isStream };
  }

  over(): void {
    if (this.#big === null && this.#relayed === null) return;
    const { background } = this.#deps;
    background.offer({ bytes: this.#subject.bytes + this.#heard.length, run: (signal) => this.#run(signal) });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const request = this.#subject.read();
    const big = this.#big ?? sideOf(this.#relayed, this.#heard, this.#subject);
    if (request === null || big === null || !isGradable(this.#task, request)) return;
    const { shadow } = this.#task;
    for (const candidate of shadow?.candidates ?? []) {
      if (signal.aborted) return;
      const small = await this.#deps.ask({ subject: this.#subject, request, model: candidate, purpose: 'shadow', signal });
      if (small === null) continue;
      await this.#deps.pair({
        subject: this.#subject,
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

/** What was passed on, read; null where it cannot be. */
export function sideOf(relayed: Relayed | null, heard: HeardBytes, { protocol }: LiveRequest): Side | null {
  const answer = relayed === null ? null : heard.answer(protocol, relayed.isStream);
  return relayed === null || answer === null ? null : { row: relayed.row, answer };
}
