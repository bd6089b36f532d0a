import type { SignalName } from '../confidence/index.ts';
import type { Capability, CertifyMethod, EpochMs, Model, NanoUsd, Output, Task } from '../core/index.ts';
import type { MetricSpec } from '../metrics/index.ts';
import type { PriceRow, PriceTerms } from '../pricing/index.ts';
import type { PruneList } from '../pruning/index.ts';
import type { PipelineConfig } from './pipeline-types.ts';

/** Generation parameters that belong to a model or a task; a task's win over a model's. */
export interface Parameters {
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

/** A model of the config, with everything that its provider and its price need. */
export interface ModelConfig extends Model {
  readonly url: string | null;
  /** The first credential. A secret: never printed, logged or hashed. */
  readonly apiKey: string | null;
  /** How it is called over HTTP; nothing of it matters for a model in this process. */
  readonly upstream: ModelUpstream;
  /** Absolute path of the recording that a replayed model answers from. */
  readonly data: string | null;
  /** Absolute path of the folder that an embedded student is loaded from, or of the GGUF file of a model in this process. */
  readonly path: string | null;
  /** How an engine that people run themselves is told to run the model; null where nothing was said. */
  readonly local: LocalConfig | null;
  /** The price that the model declares; null when it comes from the price file or the bundled catalogue. */
  readonly price: PriceTerms | null;
  readonly parameters: Parameters;
  /** Where a fine-tuned model comes from; null for one that was not trained on this traffic, or whose own folder says it. */
  readonly trained: TrainedConfig | null;
  /** What it was trained without and is asked without; null for nothing. */
  readonly prune: PruneConfig | null;
  /** Of a student: what the tasks ask that have it on their ladders; null where none does, or two ask differently. Absent for other models. */
  readonly answers?: Output | null;
  /** Of a student over embeddings: the model that gives its vectors. Absent for other models. */
  readonly embeddings?: { readonly model: string };
  /** Live traffic may rest on it even where its name on the wire is one that the vendor moves. */
  readonly allowUnpinned: boolean;
}

/** Where a fine-tuned model comes from, as the config declares it. */
export interface TrainedConfig {
  /** Newest of what it was trained on. */
  readonly until: EpochMs;
  readonly dataset: string | null;
  readonly rows: number | null;
  readonly job: string | null;
}

/** Static prompt parts that go before a model is asked. */
export interface PruneConfig {
  /** Absolute path. */
  readonly file: string;
  /** Null until the file was read, as `loadConfig` does. */
  readonly list: PruneList | null;
}

/** How an engine that people run themselves runs a model. Null leaves a choice to the engine. */
export interface LocalConfig {
  /** LoRA adapters over the model. */
  readonly lora: readonly LoraConfig[];
  readonly threads: number | null;
  readonly gpuLayers: number | null;
}

/** A LoRA adapter. */
export interface LoraConfig {
  /** Absolute where the file is opened here; as the server has it where the server opens it. */
  readonly path: string;
  readonly scale: number;
  /** What the server calls the model with the adapter over it. */
  readonly name: string;
}

/** How a model is called over HTTP. Null leaves a choice to the upstream's own default. */
export interface ModelUpstream {
  /** Credentials that share the load by weight. Secrets: never printed, logged or hashed. */
  readonly keys: readonly { readonly key: string; readonly weight: number }[];
  readonly protocols: readonly [WireProtocol, ...WireProtocol[]] | null;
  readonly retries: number | null;
  readonly breaker: boolean;
  readonly concurrency: number | null;
  readonly queue: number | null;
  readonly timeoutMs: number | null;
  readonly hedgeMs: number | null;
  /** Names of models, in order. */
  readonly fallbacks: readonly string[];
}

/** A wire protocol, as the config names it. */
export type WireProtocol = 'openai-chat' | 'openai-responses' | 'anthropic-messages';

/** The prompt of a task: `{{input}}` in `user` stands for the item. */
export interface Prompt {
  readonly system: string | null;
  readonly user: string;
}

/** Who scores the answers of a text task, and by what. */
export interface JudgeConfig {
  /** Name of the model that judges; null leaves the choice to the judge's own room: one of another family than the ladder's. */
  readonly model: string | null;
  /** Absolute path of the rubric; null where the config holds its text. */
  readonly rubricFile: string | null;
  /** What a good answer is; null until its file was read, as `loadConfig` does. */
  readonly rubric: string | null;
}

/** A task of the config, with its defaults filled in. */
export interface TaskConfig extends Task {
  readonly prompt: Prompt;
  /** The metric as it was written, or its output kind's; null for a text task that names none, and where a judge scores. */
  readonly metricSpec: MetricSpec | null;
  /** Who scores the answers where no metric can; null where a metric does, or nothing. */
  readonly judge: JudgeConfig | null;
  /** A fixed threshold that a person chose: always shown as uncertified. */
  readonly threshold: number | null;
  /** Name of the confidence signal; null takes the best one that the answers carry. */
  readonly signal: SignalName | null;
  readonly parameters: Parameters;
  /** Prompt templates whose unnamed traffic belongs to this task. */
  readonly fingerprints: readonly string[];
  /** Null takes that of the whole config. */
  readonly capture: CaptureConfig | null;
  /** `observe`: recorded only. `shadow`: candidates are asked in the background, never routed. `live`: routes where a certificate is in force. */
  readonly mode: 'observe' | 'shadow' | 'live';
  /** Null asks nobody in the background. */
  readonly shadow: ShadowConfig | null;
  readonly audit: AuditConfig;
  readonly canary: CanaryConfig;
  /** Absolute path of the folder of a trained triage; null for none. */
  readonly triage: string | null;
  /** How automatic looks at its evidence test. */
  readonly method: Extract<CertifyMethod, 'score' | 'evalue'>;
  /** Absolute path of a set of cases whose right answers are known; null for none. */
  readonly golden: string | null;
  /** Null is no cap. */
  readonly escalationsPerHour: number | null;
}

/** Calls to candidates beside the answer. Null amounts are no limit. */
export interface ShadowConfig {
  /** Share of the requests, in (0, 1]. */
  readonly share: number;
  readonly perDay: NanoUsd | null;
  readonly total: NanoUsd | null;
  /** Names of models below the ceiling. */
  readonly candidates: readonly string[];
}

/** Audits of accepted answers. */
export interface AuditConfig {
  /** Share of the accepted answers, in [0, 1]. */
  readonly share: number;
  readonly perDay: NanoUsd | null;
}

/** How a certificate comes into force: shares of the traffic, rising to 1 (none: all at once), and the weighted audits that each stage waits for. */
export interface CanaryConfig {
  readonly stages: readonly number[];
  readonly audits: number;
}

/** An upstream for what the config does not name. */
export interface PassthroughConfig {
  readonly url: string;
  /** A secret; null sends the client's own credential on. */
  readonly apiKey: string | null;
}

/** The most that may be spent per day and month (UTC); null is no limit. */
export interface BudgetConfig {
  readonly day: NanoUsd | null;
  readonly month: NanoUsd | null;
}

/** The most that one request may ask for; null is no cap. */
export interface CapsConfig {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cost: NanoUsd | null;
}

/** What is logged and traced. */
export interface ObserveConfig {
  readonly log: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Share of the answered requests that get a line. */
  readonly sample: number;
  /** Where spans go by OTLP over HTTP; the headers may hold a secret. */
  readonly otel: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly sample: number } | null;
}

/** A client key. */
export interface KeyConfig {
  readonly name: string;
  /** A secret, or `sha256:` and the hash of one. */
  readonly key: string;
  readonly team: string | null;
  /** Null allows all. */
  readonly tasks: readonly string[] | null;
  readonly models: readonly string[] | null;
  readonly budget: BudgetConfig | null;
  readonly caps: CapsConfig;
  readonly passthrough: boolean;
  readonly expiresAt: EpochMs | null;
}

/** What is kept of the texts of requests and answers. */
export interface CaptureConfig {
  readonly mode: 'off' | 'full' | 'redacted';
  /** Share of the client requests whose texts are kept. */
  readonly rate: number;
}

/** How long things are kept; null keeps them for good. */
export interface RetentionConfig {
  readonly bodiesMs: number | null;
  readonly callsMs: number | null;
}

/** A PostgreSQL database that holds the record. */
export interface StoreConfig {
  /** May hold a password: never printed or logged. */
  readonly url: string;
  /** Null leaves it to the server's search path. */
  readonly schema: string | null;
}

/** How the gateway serves. */
export interface ServerConfig {
  readonly drainSeconds: number;
  readonly pingSeconds: number;
  readonly sendTimeoutSeconds: number;
  readonly maxConnections: number;
}

/** What a config says about serving. */
export interface ServingConfig {
  readonly passthrough: { readonly openai: PassthroughConfig | null; readonly anthropic: PassthroughConfig | null };
  readonly keys: readonly KeyConfig[];
  readonly budgets: { readonly teams: ReadonlyMap<string, BudgetConfig>; readonly tasks: ReadonlyMap<string, BudgetConfig> };
  /** A secret; null leaves the admin API to callers on this machine. */
  readonly adminToken: string | null;
  readonly observe: ObserveConfig;
  /** Of every request, but those of tasks that say otherwise. */
  readonly capture: CaptureConfig;
  readonly retention: RetentionConfig;
  /** Null keeps the record in SQLite, in the data directory. */
  readonly store: StoreConfig | null;
  readonly upstreams: { readonly allowPrivate: boolean };
  readonly server: ServerConfig;
  readonly allowUnauthenticated: boolean;
}

/** When a vendor turns a model off, as its own page says it. */
export interface Deprecation {
  readonly provider: string;
  /** The name on the wire: a dated snapshot or an alias, each with a row of its own. */
  readonly model: string;
  /** First day (UTC) on which calls may fail, as 2027-01-14; null says that no date is announced, against an older row. */
  readonly shutdown: string | null;
  /** What the vendor recommends instead; null where it names nothing. */
  readonly replacement: string | null;
  /** The page that says so. */
  readonly source: string;
  /** The day on which that page was read. */
  readonly asOf: string;
}

/** A whole config, checked: every name it uses exists, every path is absolute, every variable is filled in. */
export interface Config extends ServingConfig {
  /** The file as it was named. */
  readonly file: string;
  /** Models by name; students are here as `student/NAME`. */
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly tasks: ReadonlyMap<string, TaskConfig>;
  readonly pipelines: ReadonlyMap<string, PipelineConfig>;
  /** Absolute path of the user's price file. */
  readonly priceFile: string | null;
  /** Every price that the user declares, in the models and in the price file: what a price book takes. */
  readonly prices: readonly PriceRow[];
  /** Absolute path of the user's list of shutdown dates. */
  readonly deprecationFile: string | null;
  /** The rows of that list; the bundled one holds where they say nothing. */
  readonly deprecations: readonly Deprecation[];
}

/** What the config must know of a provider to check a model: which keys it needs, and what it can do. */
export interface KnownProvider {
  readonly needs: readonly ('model' | 'url' | 'apiKey' | 'data' | 'path')[];
  readonly capabilities: readonly Capability[];
  readonly inProcess?: boolean;
  readonly lora?: { readonly from: 'here' | 'server'; readonly several: boolean };
}

/** Environment variables, as `process.env` gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;
