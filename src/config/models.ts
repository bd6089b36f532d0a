import type { Capability, Tier } from '../core/index.ts';
import type { Known } from './check.ts';
import { priceTerms, withoutUndefined } from './prices.ts';
import type { RawConfig, RawModel } from './schema.ts';
import type { ModelConfig, Parameters } from './types.ts';
import { modelUpstream } from './upstream-schema.ts';

const TIERS: readonly Tier[] = ['small', 'mid', 'frontier'];

/** Models by name with defaults filled in; students become models named `student/NAME`, small, internal and free. */
export function buildModels(raw: RawConfig, known: Known, inFolder: (path: string) => string): ReadonlyMap<string, ModelConfig> {
  const tiers = tiersByLadder(raw);
  const models = new Map<string, ModelConfig>();
  for (const [name, model] of Object.entries(raw.models)) {
    const upstream = modelUpstream(model);
    models.set(name, {
      name,
      provider: model.provider,
      model: model.model ?? name,
      // A model on no ladder counts as frontier: nothing is then claimed to be saved by it.
      tier: model.tier ?? tiers.get(name) ?? 'frontier',
      boundary: model.boundary ?? 'any',
      capabilities: new Set(model.capabilities ?? defaultCapabilities(model.provider, known)),
      contextWindow: model.contextWindow ?? null,
      url: model.url ?? null,
      apiKey: upstream.keys[0]?.key ?? null,
      upstream,
      data: model.data === undefined ? null : inFolder(model.data),
      path: model.path === undefined ? null : inFolder(model.path),
      price: priceTerms(model),
      parameters: parametersOf(model.parameters),
      allowUnpinned: model.allowUnpinned ?? raw.allowUnpinned ?? false,
    });
  }
  for (const [name, student] of Object.entries(raw.students)) {
    models.set(`student/${name}`, {
      name: `student/${name}`,
      provider: 'student',
      model: name,
      tier: 'small',
      boundary: student.boundary ?? 'internal',
      capabilities: new Set(defaultCapabilities('student', known)),
      contextWindow: null,
      url: null,
      apiKey: null,
      upstream: modelUpstream({}),
      data: null,
      path: inFolder(student.path),
      price: { free: true },
      parameters: {},
      allowUnpinned: false,
    });
  }
  return models;
}

/** The highest place that each model has on any ladder: first small, last frontier, mid between. */
function tiersByLadder(raw: RawConfig): ReadonlyMap<string, Tier> {
  const tiers = new Map<string, Tier>();
  for (const { ladder } of Object.values(raw.tasks)) {
    for (const [i, name] of ladder.entries()) {
      const tier: Tier = i === ladder.length - 1 ? 'frontier' : i === 0 ? 'small' : 'mid';
      const before = tiers.get(name);
      if (!before || TIERS.indexOf(tier) > TIERS.indexOf(before)) tiers.set(name, tier);
    }
  }
  return tiers;
}

function defaultCapabilities(provider: string, known: Known): readonly Capability[] {
  return known.providers?.[provider]?.capabilities ?? ['system', 'streaming'];
}

/** Parameters as they were written. */
export function parametersOf(raw: RawModel['parameters']): Parameters {
  return withoutUndefined(raw ?? {}) as Parameters;
}
