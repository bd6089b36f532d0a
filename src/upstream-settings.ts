import type { Config, ModelConfig } from './config/index.ts';
import type { Environment } from './config/types.ts';
import { systemClock } from './core/index.ts';
import { hasBatches, type UpstreamDeps, type UpstreamSettings, Upstreams, vendorOf } from './providers/index.ts';

/** How a model of a config is reached. */
export function upstreamSettings({ name, provider, model, url, local, upstream, embeddings }: ModelConfig): UpstreamSettings {
  const { keys, protocols, retries, breaker, concurrency, queue, timeoutMs, hedgeMs, fallbacks } = upstream;
  return {
    name,
    // A student is asked in this process; what is called is the endpoint of its embeddings, like any server that speaks OpenAI's protocol.
    provider: embeddings ? 'vllm' : provider,
    model: embeddings?.model ?? model,
    url,
    keys,
    breaker,
    concurrency,
    hedgeMs,
    fallbacks,
    ...(local === null || local.lora.length === 0 ? {} : { lora: local.lora }),
    ...(protocols === null ? {} : { protocols }),
    ...(retries === null ? {} : { retries }),
    ...(queue === null ? {} : { queue }),
    ...(timeoutMs === null ? {} : { timeoutMs }),
  };
}

/** The models of a config that are called over HTTP. */
export function liveModels(config: Config): readonly ModelConfig[] {
  return [...config.models.values()].filter(({ provider }) => vendorOf(provider) !== null);
}

/** The students of a config that call an endpoint for their embeddings. */
export function embeddingStudents(config: Config): readonly ModelConfig[] {
  return [...config.models.values()].filter(({ embeddings }) => embeddings !== undefined);
}

/** Every upstream of a config; none is connected to before it is asked. Throws CONFIG_INVALID for one that may not be called. */
export function openUpstreams(config: Config, environment: Environment, onAttempt?: UpstreamDeps['onAttempt']): Upstreams {
  const upstreams = new Upstreams(
    { allowPrivate: config.upstreams.allowPrivate },
    { clock: systemClock, random: Math.random, environment, ...(onAttempt ? { onAttempt } : {}) },
  );
  upstreams.add([...liveModels(config), ...embeddingStudents(config)].map(upstreamSettings));
  return upstreams;
}

/**
 * The upstreams of a config's models as batches need them: a batch belongs to the account of one key, so there is one key and no fallback;
 * whoever polls waits by itself. Throws CONFIG_INVALID for one that may not be called.
 */
export function openBatchUpstreams(config: Config, environment: Environment): Upstreams {
  const upstreams = new Upstreams(
    { allowPrivate: config.upstreams.allowPrivate },
    { clock: systemClock, random: Math.random, environment },
  );
  const models = liveModels(config).filter(({ provider }) => hasBatches(provider));
  upstreams.add(
    models.map((model) => {
      const settings = upstreamSettings(model);
      return { ...settings, keys: settings.keys.slice(0, 1), fallbacks: [], breaker: false, concurrency: null, hedgeMs: null };
    }),
  );
  return upstreams;
}
