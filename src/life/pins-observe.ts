import type { ModelConfig } from '../config/index.ts';
import { type EpochMs, FINGERPRINT_TAG } from '../core/index.ts';
import type { CallStore } from '../store/index.ts';
import type { ObservedModel } from './pins-types.ts';

/** Newest rows of a model that are looked through for fingerprints. */
const RECENT = 500;

/** What calls on record say of themselves, by model of the config. Models that were not called are not in it. */
export async function observeModels(
  calls: Pick<CallStore, 'servedModels' | 'list'>,
  models: Iterable<ModelConfig>,
  since: EpochMs,
): Promise<ReadonlyMap<string, ObservedModel>> {
  const served = await calls.servedModels({ since });
  const observed = new Map<string, ObservedModel>();
  for (const { name, provider } of models) {
    // A row keeps the name that the registry had for it: what another provider once answered under this name is not this model.
    const own = served.filter((row) => row.model === name && row.provider === provider).sort((a, b) => a.lastAt - b.lastAt);
    const recent = (await calls.list({ model: name, since }, { limit: RECENT })).filter(
      (call) => call.provider === provider && call.outcome !== 'failed',
    );
    const [newest] = recent;
    const oldest = recent.at(-1);
    if (newest === undefined || oldest === undefined) continue;
    const prints = recent.flatMap(({ tags }) => tags[FINGERPRINT_TAG] ?? []);
    observed.set(name, {
      alias: name,
      calls: Math.max(
        recent.length,
        own.reduce((sum, row) => sum + row.calls, 0),
      ),
      servedModel: own.at(-1)?.served ?? null,
      otherServedModels: own.slice(0, -1).map((row) => row.served),
      systemFingerprint: prints[0] ?? null,
      systemFingerprints: [...new Set(prints)].sort(),
      firstSeen: Math.min(oldest.at, ...own.map((row) => row.firstAt)),
      lastSeen: newest.at,
    });
  }
  return observed;
}
