import { type Call, type Clock, inputTotal } from '../../core/index.ts';
import type { Exchange } from '../exchange.ts';
import type { Observer } from '../types.ts';
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

/** What the rows of one request add up to. */
interface Sum {
  inputTokens: number;
  outputTokens: number;
  /** Null once a row is unpriced. */
  cost: number | null;
}

class FanOut implements Observer {
  readonly #deps: ObserverDeps;
  /** Of requests with more than one row; the others are summed by their only row. */
  readonly #sums = new WeakMap<Exchange, Sum>();
  readonly #spans = new WeakMap<Exchange, RequestSpan>();

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
  }

  began(exchange: Exchange): string | null {
    const { tracing } = this.#deps;
    if (tracing === null || SILENT.has(exchange.route.kind)) return null;
    const { request, at } = exchange;
    const span = tracing.begin({
      method: request.method ?? 'GET',
      route: routeLabel(exchange),
      traceparent: request.headers.traceparent,
      at,
    });
    this.#spans.set(exchange, span);
    return span.traceparent;
  }

  recorded(exchange: Exchange, call: Call): void {
    const { knows, metrics } = this.#deps;
    metrics.call(call, {
      model: knows.model(call.model) ? call.model : 'other',
      task: call.task === null ? null : knows.task(call.task) ? call.task : 'other',
    });
    this.#spans.get(exchange)?.call(call, operationOf(exchange));
    // `lastRow` is still the row before this one.
    const before = this.#sums.get(exchange) ?? (exchange.lastRow === null ? null : sumOf(exchange.lastRow));
    if (before !== null) this.#sums.set(exchange, plus(before, sumOf(call)));
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
    const sum = this.#sums.get(exchange) ?? (lastRow === null ? null : sumOf(lastRow));
    log.request({
      id: exchange.id,
      route: routeLabel(exchange),
      model: model === null ? null : redactName(model),
      task: task === null ? null : redactName(task),
      key: exchange.caller.key,
      status,
      ms,
      upstreamMs,
      inputTokens: sum?.inputTokens ?? null,
      outputTokens: sum?.outputTokens ?? null,
      costUsd: sum?.cost == null ? null : sum.cost / 1e9,
      decision: lastRow?.decision ?? null,
      error: exchange.errorCode,
    });
    this.#spans.get(exchange)?.end({ status, error: exchange.errorCode, at: clock.now() });
  }

  warn(message: string): void {
    this.#deps.log.warn(message);
  }
}

function sumOf({ usage, cost }: Call): Sum {
  return { inputTokens: inputTotal(usage), outputTokens: usage.output, cost };
}

function plus(a: Sum, b: Sum): Sum {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
  };
}

function operationOf({ route }: Exchange): Operation {
  if (route.tap === 'openai-embeddings') return 'embeddings';
  return route.tap === 'openai-completions' ? 'text_completion' : 'chat';
}

/** A path as it may stand in a log: those of calls are known, others are cut short and cleaned. */
function routeLabel({ route, path }: Exchange): string {
  return route.kind === 'call' || route.kind === 'count' ? path : redact(path.slice(0, 128));
}

/** To a hundredth of a millisecond. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
