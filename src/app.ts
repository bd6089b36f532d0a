import { dirname, resolve } from 'node:path';
import { type Calibrator, calibrate, type SignalName, signalsOf, signalValue } from './confidence/index.ts';
import type { Config, ModelConfig, TaskConfig } from './config/index.ts';
import type { Environment } from './config/types.ts';
import { type Call, type Clock, type Model, newId, SmallfirstError, systemClock, textOf, usage, writtenIn } from './core/index.ts';
import { validateOutput } from './metrics/index.ts';
import { loadTokenizer, PriceBook } from './pricing/index.ts';
import { ClientRegistry, loadRecording, type ModelClient } from './providers/index.ts';
import { type StepDeps, systemTimer } from './run/index.ts';
import type { Store } from './store/index.ts';
import { openStoreToWrite } from './store-location.ts';
import { loadStudent } from './student/index.ts';
import { openUpstreams } from './upstream-settings.ts';

/** A config at work: its store, its models and its prices. The only place where concrete adapters are picked. */
export interface App {
  readonly config: Config;
  readonly store: Store;
  readonly prices: PriceBook;
  client(model: ModelConfig): Promise<ModelClient>;
  /** Closes the store and gives its data directory back. */
  close(): Promise<void>;
}

/**
 * Opens the record for writing (a data directory as its owner), and what the config names. `environment` is where vendors' customary keys are looked up.
 * `open` is how the record is opened. Throws DATA_DIR_LOCKED when another process owns it, CONFIG_INVALID for an upstream that may not be called.
 */
export async function openApp(
  config: Config,
  dataDir: string,
  environment: Environment = {},
  open: typeof openStoreToWrite = openStoreToWrite,
): Promise<App> {
  const upstreams = openUpstreams(config, environment);
  const store = await open(dataDir, config.store);
  const registry = new ClientRegistry({
    loadRecording,
    loadStudent,
    upstream: (name) => upstreams.get(name),
    folder: dirname(resolve(config.file)),
  });
  return {
    config,
    store,
    // Reports say loudly what is unpriced; a second warning here would only repeat it.
    prices: new PriceBook({ declared: config.prices, warn: () => {} }),
    client: (model) => registry.client(model),
    close: async () => {
      await registry.close();
      await upstreams.destroy();
      await store.close();
    },
  };
}

/** How a task's answers become a calibrated P(right): a signal, and the calibrator that was fitted for it. */
export interface ConfidenceRule {
  readonly signal: SignalName;
  readonly calibrator: Calibrator;
}

/** What a step needs beyond the app itself. */
export interface StepWorldOptions {
  /** Confidence by model; a model without a rule has none. */
  readonly confidence: ReadonlyMap<string, ConfidenceRule>;
  /** Takes each row at once. */
  readonly record: (call: Call) => void;
  /** Wall-clock time and durations; the system's unless prices of another day are asked for. */
  readonly clock?: Clock;
}

/** The world that `runStep` runs a task in, with every model of its ladder opened. */
export async function stepWorld(app: App, task: TaskConfig, options: StepWorldOptions): Promise<StepDeps> {
  const clients = new Map<string, ModelClient>();
  for (const name of task.ladder) clients.set(name, await app.client(modelOf(app.config, name)));
  const countTokens = await loadTokenizer();
  return {
    clock: options.clock ?? systemClock,
    after: systemTimer,
    newId,
    client: (model) => clients.get(model.name) ?? unknownModel(model.name),
    available: () => true,
    estimate: () => ({ cost: null, ms: null }),
    price: ({ provider, model }, used, at) => app.prices.price({ provider, model }, used, at) ?? { cost: null, priceId: null },
    countUsage: (_model, request, answer) =>
      usage({ freshInput: countTokens(request.messages.map(textOf).join('\n')), output: countTokens(writtenIn(answer)) }),
    validate: validateOutput,
    confidence: (model: Model, answer, validation) => {
      const rule = options.confidence.get(model.name);
      const value = rule && signalValue(signalsOf(answer, task.output, validation), rule.signal);
      return rule && value !== null && value !== undefined ? calibrate(rule.calibrator, value) : null;
    },
    record: options.record,
  };
}

/** A model of the config by name. Throws MODEL_NOT_FOUND. */
export function modelOf(config: Config, name: string): ModelConfig {
  return config.models.get(name) ?? unknownModel(name);
}

function unknownModel(name: string): never {
  throw new SmallfirstError('MODEL_NOT_FOUND', `There is no model "${name}".`);
}
