import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { contentHash, type ModelRequest, SmallfirstError } from '../../core/index.ts';
import type { Llama, LlamaContext, LlamaModel, LlamaModule, LlamaSequence } from './engine-types.ts';
import { hashModelFile } from './model-file.ts';
import { type Prompt, prompterOf } from './prompt.ts';
import type { LocalSettings } from './types.ts';

const DEFAULT_CONTEXT = 4_096;
const DEFAULT_QUEUE = 64;
/** Threads wait for each other after every layer: over a small model, and beside other work, several are slower than one. */
const BYTES_PER_THREAD = 64 * 1024 * 1024;

/** A model in memory. */
export interface LoadedModel {
  readonly llama: Llama;
  readonly model: LlamaModel;
  /** File name and the hash of everything that its answers depend on: the weights, the adapters and their scales. */
  readonly version: string;
  /** The engine's own release. */
  readonly release: string;
  /** Tokens of prompt and answer together, for each sequence. */
  readonly contextSize: number;
  readonly sequences: readonly LlamaSequence[];
  readonly queue: number;
  prompt(request: ModelRequest): Prompt;
  dispose(): Promise<void>;
}

// One library for each kind of device in a process, whatever number of models: it starts its own threads.
const libraries = new WeakMap<LlamaModule, Map<'auto' | false, Promise<Llama>>>();

/**
 * Loads a GGUF file with its adapters. Throws INPUT_NOT_FOUND and INPUT_INVALID for files that are not there or no GGUF, and CONFIG_INVALID
 * for one that the engine cannot load, with the engine's own words.
 */
export async function loadModel(module: LlamaModule, path: string, settings: LocalSettings): Promise<LoadedModel> {
  const weights = await hashModelFile(path, 'model');
  const adapters: { readonly hash: string; readonly scale: number }[] = [];
  for (const { path: adapter, scale } of settings.lora) adapters.push({ hash: await hashModelFile(adapter, 'LoRA adapter'), scale });
  const version = `${basename(path)}@${(adapters.length === 0 ? weights : contentHash({ weights, adapters })).slice(0, 16)}`;
  const llama = await libraryOf(module, settings.gpuLayers === 0 ? false : 'auto');
  const model = await llama
    .loadModel({ modelPath: path, ...(settings.gpuLayers === null ? {} : { gpuLayers: settings.gpuLayers }) })
    .catch((error: unknown) => unloadable(`the model ${path}`, error));
  const concurrency = settings.concurrency ?? 1;
  try {
    const context = await openContext(llama, model, settings, (await stat(path)).size);
    return {
      llama,
      model,
      version,
      release: `llama.cpp ${llama.llamaCppRelease.release}`,
      contextSize: settings.contextWindow === null ? context.contextSize : Math.min(settings.contextWindow, context.contextSize),
      sequences: Array.from({ length: concurrency }, () => context.getSequence()),
      queue: settings.queue ?? DEFAULT_QUEUE,
      prompt: prompterOf(model, (one) => module.resolveChatWrapper(one)),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

function openContext(llama: Llama, model: LlamaModel, settings: LocalSettings, bytes: number): Promise<LlamaContext> {
  const sequences = settings.concurrency ?? 1;
  const adapters = settings.lora.map(({ path, scale }) => ({ filePath: path, scale }));
  return model
    .createContext({
      contextSize: settings.contextWindow ?? Math.min(model.trainContextSize, DEFAULT_CONTEXT),
      sequences,
      threads: settings.threads ?? Math.max(1, Math.min(llama.cpuMathCores, Math.ceil(bytes / BYTES_PER_THREAD))),
      ...(adapters.length === 0 ? {} : { lora: { adapters } }),
    })
    .catch((error: unknown) => unloadable(adapters.length === 0 ? 'the context of the model' : 'the LoRA adapters over the model', error));
}

function unloadable(what: string, error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw new SmallfirstError('CONFIG_INVALID', `llama.cpp cannot load ${what}: ${why}`, { cause: error });
}

function libraryOf(module: LlamaModule, gpu: 'auto' | false): Promise<Llama> {
  const known = libraries.get(module) ?? new Map<'auto' | false, Promise<Llama>>();
  libraries.set(module, known);
  let library = known.get(gpu);
  if (library === undefined) {
    // Never built here: compiling a library inside a gateway's start is nobody's wish.
    library = module
      .getLlama({ gpu, build: 'never', logLevel: 'error', logger: () => undefined, maxThreads: 0 })
      .catch((error: unknown) => unloadable('its library', error));
    known.set(gpu, library);
    library.catch(() => known.delete(gpu));
  }
  return library;
}
