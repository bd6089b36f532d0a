import type { Call, Clock } from '../../core/index.ts';
import type { StepRecord } from '../../pipeline/index.ts';
import type { Exchange, Observer } from '../exchange.ts';
import type { Route } from '../routes.ts';
import type { Log } from './logging.ts';
import type { Metrics } from './metrics.ts';
import { redact, redactName } from './redact.ts';
import type { Operation, RequestSpan, Tracing } from './tracing.ts';

/** Where observations go. */
export interface ObserverDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Null where no traces are exported: then the caller's own traceparent goes on as it is. */
  readonly tracing: Tracing | null;
  readonly clock: Clock;
  /** Whether a name stands in the config. Only such names become labels; others may be anything a client makes up. */
  readonly knows: { readonly model: (name: string) => boolean; readonly task: (name: string) => boolean };
}

/** Probes come every few seconds and say nothing. */
const SILENT: ReadonlySet<string> = new Set(['health', 'ready', 'metrics']);

/** Tells the log, the metrics and the traces about requests. */
export function createObserver(deps: ObserverDeps): Observer {
  return new FanOut(deps);
}

class FanOut implements Observer {
  readonly #deps: ObserverDeps;

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
  }

  began({ route, path, request, at }: Exchange): RequestSpan | null {
    const { tracing } = this.#deps;
    if (tracing === null || SILENT.has(route.kind)) return null;
    return tracing.begin({ method: request.method ?? 'GET', route: routeLabel(route, path), traceparent: request.headers.traceparent, at });
  }

  recorded(exchange: Exchange, call: Call): void {
    const { knows, metrics } = this.#deps;
    metrics.call(call, {
      model: knows.model(call.model) ? call.model : 'other',
      task: call.task === null ? null : knows.task(call.task) ? call.task : 'other',
    });
    if (exchange.observation !== null) spanOf(exchange)?.call(call, operationOf(exchange));
  }

  stepBegan(exchange: Exchange, step: string): void {
    if (exchange.observation !== null) spanOf(exchange)?.stepBegan({ pipeline: exchange.pipeline ?? '', step, at: this.#deps.clock.now() });
  }

  stepOver(exchange: Exchange, step: string, outcome: StepRecord | 'skipped'): void {
    const { metrics, clock } = this.#deps;
    const label = outcome === 'skipped' ? outcome : outcome.error === undefined ? 'answered' : 'failed';
    metrics.step({ pipeline: exchange.pipeline ?? '', step, outcome: label });
    if (exchange.observation !== null && outcome !== 'skipped') spanOf(exchange)?.stepOver(step, outcome, clock.now());
  }

  ended(exchange: Exchange): void {
    const { clock, log, metrics, knows } = this.#deps;
    const { route, lastRow, response } = exchange;
    if (SILENT.has(route.kind)) return;
    const ms = round(clock.monotonic() - exchange.startedAt);
    const upstreamMs = exchange.sentAt === null || exchange.answeredAt === null ? null : round(exchange.answeredAt - exchange.sentAt);
    // A client that went away never saw the status.
    const status = exchange.errorCode === 'ABORTED' ? 499 : response.statusCode;
    const model = lastRow?.model ?? (exchange.model === '' ? null : exchange.model);
    const task = lastRow?.task ?? null;
    metrics.request({
      protocol: route.kind === 'call' ? (route.tap ?? route.protocol) : route.kind,
      model: model === null || knows.model(model) ? model : 'other',
      task: task === null || knows.task(task) ? task : 'other',
      status,
      ms,
      upstreamMs,
    });
    log.request({
      id: exchange.id,
      route: routeLabel(route, exchange.path),
      model: model === null ? null : redactName(model),
      task: task === null ? null : redactName(task),
      key: exchange.caller.key,
      status,
      ms,
      upstreamMs,
      inputTokens: lastRow === null ? null : exchange.inputTokens,
      outputTokens: lastRow === null ? null : exchange.outputTokens,
      cost: lastRow === null ? null : exchange.cost,
      decision: lastRow?.decision ?? null,
      error: exchange.errorCode,
    });
    if (exchange.observation !== null) spanOf(exchange)?.end({ status, error: exchange.errorCode, at: clock.now() });
  }

  warn(message: string): void {
    this.#deps.log.warn(message);
  }
}

/** The span that `began` gave the exchange. */
function spanOf({ observation }: Exchange): RequestSpan | null {
  return observation as RequestSpan | null;
}

function operationOf({ route }: Exchange): Operation {
  if (route.tap === 'openai-embeddings') return 'embeddings';
  return route.tap === 'openai-completions' ? 'text_completion' : 'chat';
}

/** A path as it may stand in a log: those of calls are known, others are cut short and cleaned. */
function routeLabel(route: Route, path: string): string {
  return route.kind === 'call' || route.kind === 'count' ? path : redact(path.slice(0, 128));
}

/** To a hundredth of a millisecond. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
