import type { Known } from './check.ts';
import type { Problem } from './config-error.ts';
import type { RawModel } from './schema.ts';
import type { Source } from './source.ts';

/** What the schema cannot say of a local model: that its provider reads the keys that are there. */
export function checkLocal(name: string, model: Partial<RawModel>, source: Source, known: Known): readonly Problem[] {
  const { providers } = known;
  const { provider } = model;
  const row = providers && provider !== undefined && Object.hasOwn(providers, provider) ? providers[provider] : undefined;
  if (!providers || !row) return [];
  const able = Object.keys(providers).filter((one) => providers[one]?.lora !== undefined);
  const foreign = (key: 'lora' | 'threads' | 'gpuLayers', readers: readonly string[]): readonly Problem[] =>
    model[key] === undefined || readers.includes(provider ?? '')
      ? []
      : [
          {
            message: `models.${name}.${key} says nothing to the provider ${provider}; these read it: ${readers.join(', ')}.`,
            position: source.at(['models', name, key], 'key'),
          },
        ];
  return [...foreign('lora', able), ...foreign('threads', ['llama-cpp']), ...foreign('gpuLayers', ['llama-cpp'])];
}
