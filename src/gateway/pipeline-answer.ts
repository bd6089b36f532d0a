import type { PipelineConfig, TaskConfig } from '../config/index.ts';
import type { Json, ModelEvent, StopReason } from '../core/index.ts';
import { type PipelineListener, type PipelineResult, rowOf, type StepRecord } from '../pipeline/index.ts';
import type { JsonObject } from '../providers/index.ts';
import { answerError, answerJson, SAFE_NAME } from './answer.ts';
import type { ClientAnswer } from './cascade-answer.ts';
import type { Exchange } from './exchange.ts';
import type { RunHost } from './pipeline-host.ts';
import type { RunAnswer } from './pipeline-run.ts';

/** Names and values of what a run came to, as headers: who gave its answer and why, and what all of it cost. */
export function runHeaders(pipeline: PipelineConfig, result: PipelineResult): string[] {
  const headers = ['x-smallfirst-calls', String(result.calls), 'x-smallfirst-escalated', String(result.escalated)];
  const last = answeringStep(pipeline, result);
  if (last !== null) {
    const { model, tier, decision, confidence } = last;
    if (model !== null && SAFE_NAME.test(model)) headers.push('x-smallfirst-model', model);
    if (tier !== null) headers.push('x-smallfirst-tier', tier);
    headers.push('x-smallfirst-decision', decision);
    if (confidence !== null) headers.push('x-smallfirst-confidence', confidence.toFixed(6));
  }
  if (result.cost !== null) headers.push('x-smallfirst-cost-usd', (result.cost / 1e9).toFixed(9));
  return headers;
}

/** The step that a run's answer is of: the last one of the file that gave something. */
export function answeringStep({ steps }: PipelineConfig, result: PipelineResult): StepRecord | null {
  const found = steps.findLast(({ name }) => result.steps.has(name) && result.steps.get(name)?.error === undefined);
  return found === undefined ? null : (result.steps.get(found.name) ?? null);
}

/** Whether a step writes a text, whose words mean something before they are complete. */
export function writesText(pipeline: PipelineConfig, tasks: ReadonlyMap<string, TaskConfig>, step: string): boolean {
  const found = pipeline.steps.find(({ name }) => name === step);
  return found?.task != null && tasks.get(found.task)?.output.kind === 'text';
}

/** A run's row as one JSON document. */
export class RowAnswer implements RunAnswer {
  readonly listener = null;
  readonly #exchange: Exchange;
  readonly #pipeline: PipelineConfig;

  constructor(exchange: Exchange, pipeline: PipelineConfig) {
    this.#exchange = exchange;
    this.#pipeline = pipeline;
  }

  booked(): void {}

  finish(result: PipelineResult): void {
    const limits = this.#exchange.reservation?.headers ?? [];
    answerJson(this.#exchange, 200, rowOf(result) as JsonObject, [...limits, ...runHeaders(this.#pipeline, result)]);
  }

  fail(error: unknown): void {
    answerError(this.#exchange, error);
  }

  abandon(): void {}
}

/** A run as the answer of the protocol in which it was asked for, its pipeline being the model. */
export class ProtocolAnswer implements RunAnswer {
  readonly listener: PipelineListener;
  readonly #answer: ClientAnswer;
  readonly #pipeline: PipelineConfig;
  /** How the words ended that went out as they were written; null where none did. */
  #stop: StopReason | null = null;
  #hasBegun = false;

  constructor(answer: ClientAnswer, pipeline: PipelineConfig, tasks: ReadonlyMap<string, TaskConfig>) {
    this.#answer = answer;
    this.#pipeline = pipeline;
    const words = {
      live: answer.live,
      chosen: (choice: Parameters<ClientAnswer['chosen']>[0]) => {
        this.#hasBegun = true;
        answer.chosen(choice);
      },
      event: (event: ModelEvent) => {
        // What it cost and used is known when the run is over.
        if (event.type === 'end') this.#stop = event.stop;
        else return answer.event(event);
      },
    };
    this.listener = {
      stepStarted: () => {},
      stepSkipped: () => {},
      stepEnded: () => {},
      words: (name) => (answer.live && writesText(pipeline, tasks, name) ? words : null),
    };
  }

  booked(row: Parameters<ClientAnswer['booked']>[0]): void {
    this.#answer.booked(row);
  }

  async finish(result: PipelineResult, { usage }: RunHost): Promise<void> {
    if (!this.#hasBegun) await this.#tell(result);
    await this.#answer.event({ type: 'end', stop: this.#stop ?? 'done', usage, usageSource: 'reported' });
    this.#answer.finish();
  }

  /** The whole answer at once. */
  async #tell(result: PipelineResult): Promise<void> {
    const last = answeringStep(this.#pipeline, result);
    // A run whose every step was skipped has an answer all the same: none.
    this.#answer.chosen({
      model: { name: last?.model ?? 'none', tier: last?.tier ?? 'small' },
      decision: last?.decision ?? 'skipped',
      confidence: last?.confidence ?? null,
    });
    const { output } = result;
    await this.#answer.event({ type: 'start', servedModel: null, fingerprint: null, upstreamId: null, inputTokens: null });
    await this.#answer.event({ type: 'text', text: textOfOutput(output) });
  }

  fail(error: unknown): void {
    this.#answer.fail(error);
  }

  abandon(): void {
    this.#answer.abandon();
  }
}

function textOfOutput(output: Json): string {
  if (output === null) return '';
  return typeof output === 'string' ? output : JSON.stringify(output);
}
