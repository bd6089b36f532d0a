import { addUsage, type Call, type EpochMs, type ModelRequest, NO_USAGE, textOf, type Usage } from '../core/index.ts';
import type { Protocol } from '../providers/index.ts';
import { captureBody, estimateInputTokens } from '../run/index.ts';
import type { Demand } from './caps.ts';
import { Capture } from './capture.ts';
import type { Exchange } from './exchange.ts';
import type { Afterward } from './live-afterward.ts';
import type { LiveRequest } from './live-request.ts';
import type { Caller, PipelineReservation } from './parties.ts';
import type { Asking, AskingWatch, StepHost } from './pipeline-types.ts';
import type { GatewayDeps } from './types.ts';

/** Hears of rows as they are booked. */
export type RowListener = (row: Call) => void;

/**
 * Answers for what a run's steps ask: money is set aside before, rows and bodies are booked to the client's request, and what a task in
 * traffic learns beside its answers begins when the client has its own.
 */
export class RunHost implements StepHost, Afterward {
  readonly outputLimit: number | null;
  readonly isLimited: boolean;
  readonly #exchange: Exchange;
  readonly #deps: GatewayDeps;
  readonly #reservation: PipelineReservation | null;
  readonly #onRow: RowListener;
  readonly #afterwards: Afterward[] = [];
  #usage: Usage = NO_USAGE;

  constructor(exchange: Exchange, deps: GatewayDeps, reservation: PipelineReservation | null, onRow: RowListener) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#reservation = reservation;
    this.#onRow = onRow;
    this.outputLimit = reservation?.outputLimit ?? null;
    this.isLimited = reservation?.isLimited ?? false;
  }

  /** Of all calls so far. */
  get usage(): Usage {
    return this.#usage;
  }

  begin(asking: Asking): AskingWatch {
    const { task, request, routing, ask, worst } = asking;
    const { steps, capture: general } = this.#deps;
    const release = this.#reservation?.hold(task?.name ?? null, worst);
    const subject = new StepSubject(this.#exchange, this.#deps, asking, task?.capture ?? general);
    const afterward = routing === null || task === null ? null : steps.life.watch(subject, routing, request);
    if (afterward !== null) this.#afterwards.push(afterward);
    return {
      bodyHash: subject.bodyHash,
      record: (row, said) => {
        this.#usage = addUsage(this.#usage, row.usage);
        subject.capture?.answered(row.id, said);
        this.#onRow(row);
        this.#exchange.record(row, subject.capture);
        // One that was aborted is no answer to learn from.
        if (!ask.run.signal?.aborted) afterward?.said(row, said);
      },
      ended: () => release?.(),
    };
  }

  said(): void {}

  heard(): void {}

  relayed(): void {}

  over(): void {
    for (const afterward of this.#afterwards) afterward.over();
  }
}

/** What a step asks, as a request of its own to learn from: its prompt stands for the body that no client sent. */
class StepSubject implements LiveRequest {
  readonly id: string;
  readonly requestId: string;
  readonly at: EpochMs;
  readonly task: LiveRequest['task'];
  readonly fingerprint = null;
  readonly caller: Caller;
  readonly protocol: Protocol = 'openai-chat';
  readonly capture: Capture | null;
  readonly #exchange: Exchange;
  readonly #request: ModelRequest;

  constructor(exchange: Exchange, deps: GatewayDeps, { task, request }: Asking, rule: GatewayDeps['capture']) {
    this.id = deps.newId();
    this.requestId = exchange.id;
    this.at = deps.clock.now();
    this.task = task;
    this.caller = exchange.caller;
    this.#exchange = exchange;
    this.#request = request;
    const mode = captureBody(rule, exchange.id);
    this.capture = mode === 'off' ? null : new Capture(mode, Buffer.from(bodyOf(request, task?.name ?? null)), this.at);
  }

  get bodyHash(): string | null {
    return this.capture?.requestHash ?? null;
  }

  get bytes(): number {
    return this.#request.messages.reduce((sum, message) => sum + textOf(message).length, 0);
  }

  get demand(): Demand {
    const { maxTokens = null } = this.#request;
    const inputTokens = estimateInputTokens(Buffer.from(this.#request.messages.map(textOf).join('\n')));
    return { inputTokens, outputLimit: maxTokens, choices: 1, longCache: false, serviceTier: 'default' };
  }

  read(): ModelRequest {
    return this.#request;
  }

  record(row: Call): void {
    this.#exchange.record(row, this.capture);
  }
}

/** The prompt as a client would have sent it, for those who learn from what was kept. */
function bodyOf({ messages }: ModelRequest, task: string | null): string {
  const said = messages.map((message) => ({ role: message.role, content: textOf(message) }));
  return JSON.stringify({ ...(task === null ? {} : { model: `task/${task}` }), messages: said });
}
