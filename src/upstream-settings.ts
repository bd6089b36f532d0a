import type { Config, ModelConfig } from './config/index.ts';
import type { Environment } from './config/types.ts';
import { systemClock } from './core/index.ts';
import { type UpstreamDeps, type UpstreamSettings, Upstreams, vendorOf } from './providers/index.ts';

/** How a model of a config is reached. */
export function upstreamSettings({ name, provider, model, url, local, upstream }: ModelConfig): UpstreamSettings {
  const { keys, protocols, retries, breaker, concurrency, queue, timeoutMs, hedgeMs, fallbacks } = upstream;
  return {
    name,
    provider,
    model,
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

/** Every upstream of a config; none is connected to before it is asked. Throws CONFIG_INVALID for one that may not be called. */
export function openUpstreams(config: Config, environment: Environment, onAttempt?: UpstreamDeps['onAttempt']): Upstreams {
  const upstreams = new Upstreams(
    { allowPrivate: config.upstreams.allowPrivate },
    { clock: systemClock, random: Math.random, environment, ...(onAttempt ? { onAttempt } : {}) },
  );
  upstreams.add(liveModels(config).map(upstreamSettings));
  return upstreams;
}
