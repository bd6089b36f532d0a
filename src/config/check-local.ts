import type { Problem } from './config-error.ts';
import type { RawModel } from './schema.ts';
import type { Source } from './source.ts';
import type { KnownProvider } from './types.ts';

/** The providers there are; undefined where nobody knows. */
type Providers = Readonly<Record<string, KnownProvider>> | undefined;

/** What the schema cannot say of a local model: that its provider reads the keys that are there. */
export function checkLocal(name: string, model: Partial<RawModel>, source: Source, providers: Providers): readonly Problem[] {
  const { provider } = model;
  const row = providers && provider !== undefined && Object.hasOwn(providers, provider) ? providers[provider] : undefined;
  if (!providers || !row || provider === undefined) return [];
  const able = Object.keys(providers).filter((one) => providers[one]?.lora !== undefined);
  const foreign = (key: 'lora' | 'threads' | 'gpuLayers', readers: readonly string[]): readonly Problem[] =>
    model[key] === undefined || readers.includes(provider)
      ? []
      : [
          {
            message: `models.${name}.${key} says nothing to the provider ${provider}; these read it: ${readers.join(', ')}.`,
            position: source.at(['models', name, key], 'key'),
          },
        ];
  return [
    ...foreign('lora', able),
    ...foreign('threads', ['llama-cpp']),
    ...foreign('gpuLayers', ['llama-cpp']),
    ...oneAdapter(name, model, source, row),
  ];
}

/** Servers that call model and adapter by one name take one adapter, as strong as it was trained. */
function oneAdapter(name: string, { provider, lora = [] }: Partial<RawModel>, source: Source, row: KnownProvider): readonly Problem[] {
  if (row.lora === undefined || row.lora.several) return [];
  const scaled = lora.findIndex(({ scale }) => scale !== 1);
  return [
    ...(lora.length > 1
      ? [
          {
            message: `models.${name}.lora lists ${lora.length} adapters, and ${provider} puts one over a model; make a model of each.`,
            position: source.at(['models', name, 'lora', 1]),
          },
        ]
      : []),
    ...(scaled >= 0
      ? [
          {
            message: `models.${name}.lora.${scaled}.scale is not known to ${provider}, which applies an adapter as it was trained; leave it out.`,
            position: source.at(['models', name, 'lora', scaled, 'scale'], 'key'),
          },
        ]
      : []),
  ];
}
