import type { PipelineResult, PipelineRun } from '../pipeline/index.ts';
import { type PipelineListener, runPipeline, type StepRecord } from '../pipeline/index.ts';
import { answerError } from './answer.ts';
import { withMargin } from './cascade.ts';
import type { Exchange, Worker } from './exchange.ts';
import type { PipelineReservation } from './parties.ts';
import { RunHost } from './pipeline-host.ts';
import type { RunRequest } from './pipeline-request.ts';
import { requestTags } from './request-tags.ts';
import type { Streams } from './stream.ts';
import type { GatewayDeps } from './types.ts';

/** The client's side of a run. */
export interface RunAnswer {
  /** Hears the run as it goes on; null where the client wants its end only. */
  readonly listener: PipelineListener | null;
  /** A row was booked. */
  booked(row: Parameters<Exchange['record']>[0]): void;
  finish(result: PipelineResult, host: RunHost): void | Promise<void>;
  /** No answer, or only a part of one: an error where nothing was sent yet, else an end that looks cut. */
  fail(error: unknown): void;
  /** The client has gone. */
  abandon(): void;
}

/** What a run needs beyond its exchange. */
export interface RunDeps {
  readonly gateway: GatewayDeps;
  readonly streams: Streams;
  readonly reservation: PipelineReservation | null;
}

/** Runs a pipeline for a client. Every call of it is booked to the client's one request. */
export class PipelineExchange implements Worker {
  readonly #exchange: Exchange;
  readonly #deps: RunDeps;
  readonly #asked: RunRequest;
  readonly #answer: RunAnswer;
  readonly #controller = new AbortController();

  constructor(exchange: Exchange, deps: RunDeps, asked: RunRequest, answer: RunAnswer) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#asked = asked;
    this.#answer = answer;
  }

  start(): void {
    this.#exchange.worker = this;
    this.#exchange.sentAt = this.#deps.gateway.clock.monotonic();
    // A drain waits for the rows of whoever went away.
    this.#deps.streams.pending(this.#run().catch((error: unknown) => answerError(this.#exchange, error)));
  }

  /** The client has gone: so does every step, at whatever stage, and what it used until now is booked. */
  onClientGone(): void {
    this.#controller.abort();
  }

  async #run(): Promise<void> {
    const { gateway, reservation } = this.#deps;
    const exchange = this.#exchange;
    const answer = this.#answer;
    const host = new RunHost(exchange, gateway, reservation, (row) => answer.booked(row));
    exchange.afterward = host;
    let result: PipelineResult | null = null;
    let failure: unknown = null;
    try {
      const world = await gateway.pipelines.world(host);
      result = await runPipeline(this.#asked.pipeline, this.#pipelineRun(), world, this.#listener());
    } catch (error) {
      failure = error;
    }
    exchange.answeredAt = gateway.clock.monotonic();
    if (this.#controller.signal.aborted) this.#gone();
    else if (result === null) answer.fail(failure);
    else await answer.finish(result, host);
  }

  #gone(): void {
    this.#answer.abandon();
    this.#exchange.errorCode = 'ABORTED';
    this.#exchange.over();
  }

  #pipelineRun(): PipelineRun {
    const { id, caller, deadlineAt, at } = this.#exchange;
    const { input, request } = this.#asked;
    return {
      id,
      itemId: null,
      input,
      request,
      budget: this.#deps.reservation?.budget ?? null,
      deadlineAt: deadlineAt === null ? null : withMargin(deadlineAt, at),
      signal: this.#controller.signal,
      origin: { key: caller.key, team: caller.team, fingerprint: null, bodyHash: null, tags: requestTags(this.#exchange) },
    };
  }

  /** Tells the observer and the client. */
  #listener(): PipelineListener {
    const { observer } = this.#deps.gateway;
    const exchange = this.#exchange;
    const { listener } = this.#answer;
    return {
      stepStarted: (name) => {
        observer.stepBegan(exchange, name);
        listener?.stepStarted(name);
      },
      stepSkipped: (name) => {
        observer.stepOver(exchange, name, 'skipped');
        listener?.stepSkipped(name);
      },
      stepEnded: (name: string, record: StepRecord) => {
        observer.stepOver(exchange, name, record);
        listener?.stepEnded(name, record);
      },
      words: (name) => listener?.words(name) ?? null,
    };
  }
}
