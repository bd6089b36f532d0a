import type { Capability, Tier } from '../core/index.ts';
import type { Known } from './check.ts';
import { localConfig } from './local-schema.ts';
import { priceTerms, withoutUndefined } from './prices.ts';
import type { RawConfig, RawModel } from './schema.ts';
import { buildStudents } from './students.ts';
import type { ModelConfig, Parameters, TrainedConfig } from './types.ts';
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
      boundary: model.boundary ?? (known.providers?.[model.provider]?.inProcess ? 'internal' : 'any'),
      capabilities: new Set(model.capabilities ?? defaultCapabilities(model.provider, known)),
      contextWindow: model.contextWindow ?? null,
      url: model.url ?? null,
      apiKey: upstream.keys[0]?.key ?? null,
      upstream,
      data: model.data === undefined ? null : inFolder(model.data),
      path: model.path === undefined ? null : inFolder(model.path),
      local: localConfig(model, known.providers?.[model.provider]?.lora?.from === 'server' ? (path) => path : inFolder),
      // A model in this process is paid to nobody: 0, unless its machine has a price.
      price: priceTerms(model) ?? (known.providers?.[model.provider]?.inProcess ? { free: true } : null),
      parameters: parametersOf(model.parameters),
      trained: trainedOf(model.trained),
      prune: model.prune === undefined ? null : { file: inFolder(model.prune), list: null },
      allowUnpinned: model.allowUnpinned ?? raw.allowUnpinned ?? false,
    });
  }
  for (const student of buildStudents(raw, inFolder, defaultCapabilities('student', known))) models.set(student.name, student);
  return models;
}

function trainedOf(raw: RawModel['trained']): TrainedConfig | null {
  if (raw === undefined) return null;
  const { until, dataset, rows, job } = raw;
  return { until: Date.parse(until), dataset: dataset ?? null, rows: rows ?? null, job: job ?? null };
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
