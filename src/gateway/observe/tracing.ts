import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { ObserveConfig } from '../../config/index.ts';
import { type Call, type EpochMs, inputTotal, SmallfirstError, type StopReason } from '../../core/index.ts';
import type { StepRecord } from '../../pipeline/index.ts';
import { vendorOf } from '../../providers/index.ts';
import type { Observation } from '../parties.ts';

/** What is asked of a model, in the words of the conventions. */
export type Operation = 'chat' | 'text_completion' | 'embeddings';

/** A request as a span; it is exported when it ends. Upstreams' spans become its children. */
export interface RequestSpan extends Observation {
  /** One call to a model, as a child: of the step that made it, while that lasts. */
  call(call: Call, operation: Operation): void;
  /** A step of a pipeline, as a child. */
  stepBegan(step: { readonly pipeline: string; readonly step: string; readonly at: EpochMs }): void;
  stepOver(step: string, record: StepRecord, at: EpochMs): void;
  end(facts: { readonly status: number; readonly error: string | null; readonly at: EpochMs }): void;
}

/** Spans by OpenTelemetry's conventions for generative AI, sent by OTLP over HTTP. */
export interface Tracing {
  /** `traceparent` is the caller's header: with a valid one the span continues that trace and its sampling. */
  begin(request: { readonly method: string; readonly route: string; readonly traceparent: unknown; readonly at: EpochMs }): RequestSpan;
  /** Sends what is still waiting; never rejects. */
  close(): Promise<void>;
}

const PACKAGES = '@opentelemetry/sdk-trace-base @opentelemetry/resources @opentelemetry/exporter-trace-otlp-http';

/** Starts exporting. Throws CONFIG_INVALID when the optional packages are not installed. */
export async function openTracing(otel: NonNullable<ObserveConfig['otel']>, serviceVersion: string): Promise<Tracing> {
  const [sdk, resources, exporter] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]).catch((cause: unknown) => {
    throw new SmallfirstError('CONFIG_INVALID', `otel: needs optional packages; install them with: npm install ${PACKAGES}`, { cause });
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'smallfirst', 'service.version': serviceVersion }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(otel.sample) }),
    spanProcessors: [new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter({ url: otel.url, headers: { ...otel.headers } }))],
  });
  const tracer = provider.getTracer('smallfirst', serviceVersion);
  return {
    begin: (request) => new OpenSpan(tracer, request),
    close: async () => {
      await provider.shutdown().catch(() => {});
    },
  };
}

class OpenSpan implements RequestSpan {
  readonly traceparent: string;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  /** Steps that are under way, by name. */
  readonly #steps = new Map<string, Span>();

  constructor(tracer: Tracer, { method, route, traceparent, at }: Parameters<Tracing['begin']>[0]) {
    this.#tracer = tracer;
    this.#span = tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, startTime: at, attributes: { 'http.request.method': method, 'http.route': route } },
      parentContext(traceparent),
    );
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#span);
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags === TraceFlags.SAMPLED ? '01' : '00'}`;
  }

  call(call: Call, operation: Operation): void {
    if (!this.#span.isRecording()) return;
    const span = this.#tracer.startSpan(
      `${operation} ${call.model}`,
      { kind: SpanKind.CLIENT, startTime: call.at, attributes: attributesOf(call, operation) },
      this.#contextOf(call.step),
    );
    if (call.error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: call.error });
    span.end(call.at + (call.latencyMs ?? 0));
  }

  stepBegan({ pipeline, step, at }: Parameters<RequestSpan['stepBegan']>[0]): void {
    if (!this.#span.isRecording()) return;
    const attributes = { 'smallfirst.pipeline': pipeline, 'smallfirst.step': step };
    this.#steps.set(step, this.#tracer.startSpan(`step ${step}`, { startTime: at, attributes }, this.#context));
  }

  stepOver(step: string, { decision, model, cost, confidence, error }: StepRecord, at: EpochMs): void {
    const span = this.#steps.get(step);
    if (span === undefined) return;
    span.setAttribute('smallfirst.decision', decision);
    if (model !== null) span.setAttribute('gen_ai.request.model', model);
    if (cost !== null) span.setAttribute('smallfirst.cost_usd', cost / 1e9);
    if (confidence !== null) span.setAttribute('smallfirst.confidence', confidence);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    span.end(at);
    this.#steps.delete(step);
  }

  #contextOf(step: string | null): Context {
    const span = step === null ? undefined : this.#steps.get(step);
    return span === undefined ? this.#context : trace.setSpan(ROOT_CONTEXT, span);
  }

  end({ status, error, at }: Parameters<RequestSpan['end']>[0]): void {
    // A step that ended the run, or that its end cut off.
    for (const span of this.#steps.values()) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(at);
    }
    this.#steps.clear();
    this.#span.setAttribute('http.response.status_code', status);
    if (error !== null) this.#span.setAttribute('error.type', error);
    if (status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(at);
  }
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** The caller's span (W3C Trace Context); a header that is not valid begins a new trace. */
function parentContext(header: unknown): Context {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  const [, version, traceId, spanId, flags] = match ?? [];
  if (version === undefined || version === 'ff' || traceId === undefined || spanId === undefined || flags === undefined)
    return ROOT_CONTEXT;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function attributesOf(call: Call, operation: Operation): Record<string, string | number | boolean | string[]> {
  const attributes: Record<string, string | number | boolean | string[]> = {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': call.provider,
    'gen_ai.request.model': call.model,
    'gen_ai.usage.input_tokens': inputTotal(call.usage),
    'gen_ai.usage.output_tokens': call.usage.output,
    'smallfirst.request_id': call.requestId,
    'smallfirst.purpose': call.purpose,
    'smallfirst.outcome': call.outcome,
    'smallfirst.tier': call.tier,
  };
  if (call.servedModel !== null) attributes['gen_ai.response.model'] = call.servedModel;
  const reason = finishReason(call);
  if (reason !== null) attributes['gen_ai.response.finish_reasons'] = [reason];
  if (call.usage.cacheRead > 0) attributes['gen_ai.usage.cache_read.input_tokens'] = call.usage.cacheRead;
  if (call.task !== null) attributes['smallfirst.task'] = call.task;
  if (call.pipeline !== null) attributes['smallfirst.pipeline'] = call.pipeline;
  if (call.step !== null) attributes['smallfirst.step'] = call.step;
  if (call.key !== null) attributes['smallfirst.key'] = call.key;
  if (call.cost !== null) attributes['smallfirst.cost_usd'] = call.cost / 1e9;
  if (call.confidence !== null) attributes['smallfirst.confidence'] = call.confidence;
  if (call.decision !== null) attributes['smallfirst.decision'] = call.decision;
  if (call.error !== null) attributes['error.type'] = call.error;
  return attributes;
}

/** Our reasons in the words of each family of protocols, as OpenTelemetry's conventions want them: the provider's. */
const WORDS = {
  openai: {
    done: 'stop',
    'stop-sequence': 'stop',
    length: 'length',
    'tool-call': 'tool_calls',
    refusal: 'stop',
    'content-filter': 'content_filter',
  },
  anthropic: {
    done: 'end_turn',
    'stop-sequence': 'stop_sequence',
    length: 'max_tokens',
    'tool-call': 'tool_use',
    refusal: 'refusal',
    'content-filter': 'refusal',
  },
} as const satisfies Record<string, Record<Exclude<StopReason, 'cut'>, string>>;

/**
 * Why a model stopped, in its provider's words by the protocol that it usually speaks; null where it gave no reason, as in an answer
 * that was cut.
 */
export function finishReason({ stop, provider }: Pick<Call, 'stop' | 'provider'>): string | null {
  if (stop === null || stop === 'cut') return null;
  return WORDS[vendorOf(provider)?.protocols[0] === 'anthropic-messages' ? 'anthropic' : 'openai'][stop];
}
