import { SmallfirstError } from '../core/index.ts';
import { createEmbedder, type Embedder } from './embeddings.ts';
import { httpProviders } from './http-providers.ts';
import { openLlama } from './llama-cpp/index.ts';
import { withPruning } from './pruned.ts';
import type { Recording } from './recording.ts';
import { replayClient } from './replay.ts';
import { studentClient } from './student.ts';
import type { ClientDeps, ModelClient, ModelSource, ProviderRow } from './types.ts';

/** Every provider there is: adding one is one row. The config checks models against it. */
export const providers = {
  ...httpProviders,
  replay: {
    needs: ['data'],
    capabilities: ['system', 'streaming', 'logprobs', 'json-schema', 'tools', 'images', 'pdfs'],
    open: async (source, deps) => {
      const file = required(source, 'data');
      const recording = await deps.loadRecording(file);
      if (!recording.models().includes(source.model)) {
        const names = recording.models().join(', ') || 'none';
        throw new SmallfirstError('MODEL_NOT_FOUND', `The recording ${file} holds no model "${source.model}"; it holds: ${names}.`);
      }
      return replayClient(recording, source.model);
    },
  },
  'llama-cpp': {
    needs: ['path'],
    capabilities: ['system', 'streaming', 'logprobs', 'json-schema'],
    inProcess: true,
    lora: { from: 'here', several: true },
    open: async (source, deps) =>
      openLlama({
        name: source.name,
        path: required(source, 'path'),
        settings: {
          lora: source.local?.lora ?? [],
          threads: source.local?.threads ?? null,
          gpuLayers: source.local?.gpuLayers ?? null,
          contextWindow: source.contextWindow ?? null,
          concurrency: source.upstream?.concurrency ?? null,
          queue: source.upstream?.queue ?? null,
        },
        folder: deps.folder ?? null,
      }),
  },
  student: {
    needs: ['path'],
    // What its task's schema asks for it gives by construction, or it is refused at load.
    capabilities: ['system', 'streaming', 'json-schema'],
    open: async (source, deps) =>
      studentClient(await deps.loadStudent(required(source, 'path'), ({ model }) => embedderOf(source, model, deps)), {
        answers: source.answers ?? null,
      }),
  },
} as const satisfies Readonly<Record<string, ProviderRow>>;

/** Clients by model, each opened once; models that share a recording share its one copy in memory. */
export class ClientRegistry {
  readonly #deps: ClientDeps;
  readonly #clients = new Map<string, Promise<ModelClient>>();
  readonly #opened = new Set<ModelClient>();
  readonly #recordings = new Map<string, Promise<Recording>>();

  constructor(deps: ClientDeps) {
    this.#deps = { ...deps, loadRecording: (path) => remembered(this.#recordings, path, () => deps.loadRecording(path)) };
  }

  /** The client of a model. Throws MODEL_NOT_FOUND for a provider there is not, and what its provider throws. */
  client(source: ModelSource): Promise<ModelClient> {
    return remembered(this.#clients, source.name, async () => {
      const rows: Readonly<Record<string, ProviderRow>> = providers;
      const row = Object.hasOwn(rows, source.provider) ? rows[source.provider] : undefined;
      if (row) {
        const opened = await row.open(source, this.#deps);
        this.#opened.add(opened);
        return withPruning(opened, source.prune?.list ?? null);
      }
      const known = Object.keys(providers).join(', ');
      throw new SmallfirstError(
        'MODEL_NOT_FOUND',
        `The provider "${source.provider}" of ${source.name} is not known; known are: ${known}.`,
      );
    });
  }

  /** Closes every client that was opened. Nobody may call one any more. */
  async close(): Promise<void> {
    for (const client of this.#opened) await client.close?.();
    this.#opened.clear();
    this.#clients.clear();
  }
}

function remembered<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = memory.get(key);
  if (known) return known;
  const made = make();
  memory.set(key, made);
  return made;
}

/** The endpoint of a student over embeddings, which must serve the model that the student was trained on. */
function embedderOf({ name, embeddings }: ModelSource, trainedOn: string, deps: ClientDeps): Embedder {
  const place = `students.${name.replace(/^student\//, '')}.embeddings`;
  if (!embeddings) {
    throw new SmallfirstError(
      'CONFIG_INVALID',
      `${name} reads embeddings of ${trainedOn}: name the endpoint that serves them under ${place}.`,
    );
  }
  if (embeddings.model !== trainedOn) {
    throw new SmallfirstError(
      'CONFIG_INVALID',
      `${place}.model is ${embeddings.model}, but the student was trained on vectors of ${trainedOn}.`,
    );
  }
  return createEmbedder(deps.upstream(name));
}

function required(source: ModelSource, key: 'data' | 'path'): string {
  const value = source[key];
  if (value !== null) return value;
  throw new SmallfirstError('CONFIG_INVALID', `The model ${source.name} lacks "${key}", which its provider needs.`);
}
