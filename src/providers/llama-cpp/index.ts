import { SmallfirstError } from '../../core/index.ts';
import type { ModelClient } from '../types.ts';
import { LlamaClient } from './client.ts';
import { loadModel } from './load-model.ts';
import { importLlama } from './load-module.ts';
import type { LocalSettings } from './types.ts';

/** What a local model is opened from. */
export interface LlamaSource {
  readonly name: string;
  /** The GGUF file. */
  readonly path: string;
  readonly settings: LocalSettings;
  /** The folder of the config, from which the engine's package is looked for too; null for none. */
  readonly folder: string | null;
}

/** Opens a GGUF file in this process. Throws CONFIG_INVALID where the engine is not installed or cannot load it, INPUT_NOT_FOUND, INPUT_INVALID. */
export async function openLlama({ name, path, settings, folder }: LlamaSource): Promise<ModelClient> {
  const module = await importLlama(folder);
  try {
    return new LlamaClient(name, module, await loadModel(module, path, settings));
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    throw new SmallfirstError(error.code, `${name}: ${error.message}`, { cause: error });
  }
}
