import type { PipelineConfig, TaskConfig } from '../config/index.ts';
import type { ModelEvent } from '../core/index.ts';
import { type PipelineListener, type PipelineResult, rowOf, stepRow } from '../pipeline/index.ts';
import { answerError, cut, idHeader, ownHeaders } from './answer.ts';
import { comment } from './cascade-answer.ts';
import { renderError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { runHeaders, writesText } from './pipeline-answer.ts';
import type { RunAnswer } from './pipeline-run.ts';
import { Stream, type Streams } from './stream.ts';
import { writeAll } from './write-all.ts';

/** What a stream of a run needs. */
export interface RunStreamSetting {
  readonly pipeline: PipelineConfig;
  readonly tasks: ReadonlyMap<string, TaskConfig>;
  readonly streams: Streams;
}

/**
 * A run as server-sent events: `step.started`, `step.skipped` and `step.ended` with the step's record, `text` with the words of the step
 * that is sure to be the run's answer, and `run.ended` with the row. A failure is an `error` event, and the stream then looks cut.
 */
export class RunStream implements RunAnswer {
  readonly listener: PipelineListener;
  readonly #exchange: Exchange;
  readonly #setting: RunStreamSetting;
  readonly #stream: Stream;

  constructor(exchange: Exchange, setting: RunStreamSetting) {
    const { pipeline, tasks, streams } = setting;
    this.#exchange = exchange;
    this.#setting = setting;
    this.#stream = new Stream(exchange, streams, exchange.route.family);
    this.listener = {
      stepStarted: (step) => void this.#send('step.started', { step }),
      stepSkipped: (step) => void this.#send('step.skipped', { step }),
      stepEnded: (step, record) => void this.#send('step.ended', { step, record: stepRow(record) }),
      words: (step) => {
        if (!writesText(pipeline, tasks, step)) return null;
        return {
          live: true,
          chosen: () => {},
          event: (event: ModelEvent) => (event.type === 'text' ? this.#send('text', { step, text: event.text }) : undefined),
        };
      },
    };
  }

  booked(): void {}

  async finish(result: PipelineResult): Promise<void> {
    this.#begin();
    const row = `${comment(runHeaders(this.#setting.pipeline, result))}${frame('run.ended', rowOf(result))}`;
    void writeAll(this.#exchange.response, this.#stream, row);
    this.#close();
    this.#exchange.response.end();
  }

  fail(error: unknown): void {
    const { response, route, id } = this.#exchange;
    this.#close();
    if (!response.headersSent) {
      answerError(this.#exchange, error);
      return;
    }
    const { code, body } = renderError(error, route.protocol, id);
    this.#exchange.errorCode = code;
    void writeAll(response, this.#stream, frame('error', body));
    cut(this.#exchange);
  }

  abandon(): void {
    this.#close();
  }

  #close(): void {
    this.#stream.close();
    this.#exchange.worker = null;
  }

  /** Waits where the client reads slower than the model writes. */
  #send(event: string, data: object): void | Promise<void> {
    this.#begin();
    return writeAll(this.#exchange.response, this.#stream, frame(event, data));
  }

  /** The head goes out with the first event: what is wrong with a run before its first step still has a status of its own. */
  #begin(): void {
    const { response, reservation } = this.#exchange;
    if (response.headersSent || response.destroyed) return;
    response.writeHead(200, [
      'content-type',
      'text/event-stream; charset=utf-8',
      'cache-control',
      'no-cache',
      ...(reservation?.headers ?? []),
      ...idHeader(this.#exchange),
      ...ownHeaders(this.#exchange),
    ]);
    this.#stream.open(true);
  }
}

function frame(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
