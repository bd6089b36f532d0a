import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Call, type EpochMs, inputTotal } from '../../core/index.ts';
import type { BudgetState, RecorderState } from '../../run/index.ts';
import type { TaskStanding } from '../live-types.ts';
import { LabelTree } from './label-tree.ts';
import { LabelledHistogram } from './labelled-histogram.ts';
import { registerLiveMetrics } from './live-metrics.ts';

/** What is asked when the metrics are read. */
export interface MetricSources {
  readonly recorder: () => RecorderState;
  readonly budgets: () => readonly BudgetState[];
  /** Whether a model's circuit breaker lets requests through. */
  readonly models: () => readonly { readonly model: string; readonly isAvailable: boolean }[];
  readonly active: () => number;
  readonly droppedLogLines: () => number;
  /** Shadow calls and audits that were given up because too much waited, or the process ended. */
  readonly droppedJobs: () => number;
  /** Every task that the config declares. */
  readonly standings: () => readonly TaskStanding[];
}

/** One request as it is counted. Names that are not known beforehand must be null. */
export interface RequestFigures {
  readonly protocol: string;
  readonly model: string | null;
  readonly task: string | null;
  readonly status: number;
  readonly ms: number;
  /** Null where no upstream was asked. */
  readonly upstreamMs: number | null;
}

/** One step of a pipeline as it is counted; both names are the config's. */
export interface StepFigures {
  readonly pipeline: string;
  readonly step: string;
  readonly outcome: 'answered' | 'failed' | 'skipped';
}

/** Metrics in Prometheus' text format. */
export interface Metrics {
  request(figures: RequestFigures): void;
  call(call: Call, names: { readonly model: string | null; readonly task: string | null }): void;
  /** A step of a pipeline is over. */
  step(figures: StepFigures): void;
  /** Everything there is, as /metrics shows it, with its content type. */
  read(): Promise<{ readonly type: string; readonly text: string }>;
}

/** Different label values of one name that are told apart; whatever comes later counts as `other`. */
const MAX_NAMES = 200;
const MAX_BUDGETS = 5_000;

const UPSTREAM_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300];
const OVERHEAD_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

/** Names as labels, so many at most: what clients can choose must not grow the page without end. */
class Names {
  readonly #known = new Map<string, string>();

  label(name: string | null): string {
    if (name === null) return '';
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_NAMES) return 'other';
    this.#known.set(name, name);
    return name;
  }
}

/** Requests, or steps, under one set of labels. */
interface Tally {
  count: number;
}

/** What the calls under one set of labels come to. */
class CallSums {
  calls = 0;
  input = 0;
  cached = 0;
  output = 0;
  costUsd = 0;
  unpriced = 0;
}

/** Opens the metrics of a gateway, those of its process included. */
export function openMetrics(sources: MetricSources, now: () => EpochMs): Metrics {
  return new PrometheusMetrics(sources, now);
}

const CALL_LABELS = ['model', 'task', 'purpose', 'outcome'] as const;
const STEP_LABELS = ['pipeline', 'step', 'outcome'] as const;
const REQUEST_LABELS = ['protocol', 'model', 'task', 'status'] as const;

class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #models = new Names();
  readonly #tasks = new Names();
  readonly #requests = new LabelTree<Tally>(() => ({ count: 0 }));
  readonly #calls = new LabelTree(() => new CallSums());
  readonly #steps = new LabelTree<Tally>(() => ({ count: 0 }));
  readonly #upstream: LabelledHistogram;
  readonly #firstToken: LabelledHistogram;
  readonly #overhead: LabelledHistogram;

  constructor(sources: MetricSources, now: () => EpochMs) {
    const registry = this.#registry;
    collectDefaultMetrics({ register: registry });
    this.#counter('smallfirst_requests_total', 'Client requests by how they were answered.', REQUEST_LABELS, (counter) =>
      show(counter, REQUEST_LABELS, this.#requests, ({ count }) => count),
    );
    this.#counter('smallfirst_pipeline_steps_total', 'Steps of pipelines by what became of them.', STEP_LABELS, (counter) =>
      show(counter, STEP_LABELS, this.#steps, ({ count }) => count),
    );
    const ofCalls = (name: string, help: string, sum: (sums: CallSums) => number) =>
      this.#counter(name, help, CALL_LABELS, (counter) => show(counter, CALL_LABELS, this.#calls, sum));
    ofCalls('smallfirst_calls_total', 'Requests to models: every attempt that was recorded.', ({ calls }) => calls);
    ofCalls('smallfirst_input_tokens_total', 'Prompt tokens, those read from a cache included.', ({ input }) => input);
    ofCalls('smallfirst_cached_tokens_total', 'Prompt tokens that were read from a cache.', ({ cached }) => cached);
    ofCalls('smallfirst_output_tokens_total', 'Generated tokens, reasoning included.', ({ output }) => output);
    ofCalls('smallfirst_cost_usd_total', 'US dollars. Calls without a known price are not in it.', ({ costUsd }) => costUsd);
    ofCalls('smallfirst_unpriced_calls_total', 'Calls without a known price.', ({ unpriced }) => unpriced);
    const histogram = (name: string, help: string, label: string, bounds: readonly number[]) =>
      new LabelledHistogram({ name, help, label, bounds }, registry);
    this.#upstream = histogram(
      'smallfirst_upstream_seconds',
      'From sending a request upstream until its answer had ended.',
      'model',
      UPSTREAM_SECONDS,
    );
    this.#firstToken = histogram(
      'smallfirst_first_byte_seconds',
      'From the arrival of a streamed request until the first byte of its answer.',
      'model',
      UPSTREAM_SECONDS,
    );
    this.#overhead = histogram(
      'smallfirst_overhead_seconds',
      'What a request took beyond its upstream: the time in the gateway and in reading from and writing to the client.',
      'protocol',
      OVERHEAD_SECONDS,
    );
    this.#counter(
      'smallfirst_background_dropped_total',
      'Shadow calls, audits and pairs that were given up for want of room, since the start.',
      [],
      (counter) => {
        counter.reset();
        counter.inc(sources.droppedJobs());
      },
    );
    this.#gauges(sources, now);
    registerLiveMetrics(registry, sources.standings);
  }

  request({ protocol, model, task, status, ms, upstreamMs }: RequestFigures): void {
    const label = this.#models.label(model);
    this.#requests.at(protocol, label, this.#tasks.label(task), String(status)).count += 1;
    if (upstreamMs === null) return;
    this.#upstream.observe(label, upstreamMs / 1000);
    this.#overhead.observe(protocol, Math.max(0, ms - upstreamMs) / 1000);
  }

  step({ pipeline, step, outcome }: StepFigures): void {
    this.#steps.at(pipeline, step, outcome, '').count += 1;
  }

  call(call: Call, { model, task }: { readonly model: string | null; readonly task: string | null }): void {
    const label = this.#models.label(model);
    const sums = this.#calls.at(label, this.#tasks.label(task), call.purpose, call.outcome);
    sums.calls += 1;
    sums.input += inputTotal(call.usage);
    sums.cached += call.usage.cacheRead;
    sums.output += call.usage.output;
    if (call.cost === null) sums.unpriced += 1;
    else sums.costUsd += call.cost / 1e9;
    if (call.streamed && call.firstTokenMs !== null) this.#firstToken.observe(label, call.firstTokenMs / 1000);
  }

  async read(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #counter(name: string, help: string, labelNames: readonly string[], collect: (counter: Counter) => void): void {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        collect(this);
      },
    });
  }

  #gauges(sources: MetricSources, now: () => EpochMs): void {
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('smallfirst_requests_active', 'Requests under way.', sources.active);
    gauge('smallfirst_spool_rows', 'Recorded rows that are not yet in the store.', () => sources.recorder().queuedRows);
    gauge('smallfirst_spool_bytes', 'Their size in the spool.', () => sources.recorder().queuedBytes);
    gauge('smallfirst_spool_oldest_seconds', 'Age of the oldest of them.', () => {
      const { oldestQueuedAt } = sources.recorder();
      return oldestQueuedAt === null ? 0 : Math.max(0, now() - oldestQueuedAt) / 1000;
    });
    gauge('smallfirst_lost_rows', 'Rows that could not be recorded since the start.', () => sources.recorder().lostRows);
    gauge('smallfirst_rejected_rows', 'Rows that the store refused since the start.', () => sources.recorder().rejectedRows);
    gauge('smallfirst_log_lines_dropped', 'Log lines given up since the start.', sources.droppedLogLines);
    new Gauge({
      name: 'smallfirst_budget_left_usd',
      help: 'What could still be reserved in the running window.',
      labelNames: ['scope', 'name', 'window'],
      registers,
      collect() {
        this.reset();
        for (const { scope, name, window, left } of sources.budgets().slice(0, MAX_BUDGETS)) this.set({ scope, name, window }, left / 1e9);
      },
    });
    new Gauge({
      name: 'smallfirst_breaker_open',
      help: '1 while the circuit breakers of a model and of all its fallbacks are open.',
      labelNames: ['model'],
      registers,
      collect() {
        this.reset();
        for (const { model, isAvailable } of sources.models()) this.set({ model }, isAvailable ? 0 : 1);
      },
    });
  }
}

/** Shows one sum of each set of labels as a counter; those that are still 0 are left out. */
function show<Cell>(counter: Counter, names: readonly string[], cells: LabelTree<Cell>, sum: (cell: Cell) => number): void {
  counter.reset();
  for (const { labels, cell } of cells.sets) {
    const value = sum(cell);
    if (value > 0) counter.inc(Object.fromEntries(names.map((name, i) => [name, labels[i] ?? ''])), value);
  }
}
