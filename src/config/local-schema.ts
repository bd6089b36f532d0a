import { basename } from 'node:path';
import { z } from 'zod';
import type { LocalConfig } from './types.ts';

const adapter = z.strictObject({
  path: z.string().min(1).describe('The adapter: a file here (llama-cpp, ollama), or as the server names it (vllm, llamacpp)'),
  scale: z.number().gt(0).default(1).describe('How strongly it is applied'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'must be letters, digits and . _ : / -')
    .optional()
    .describe('What the server calls the model with it; by its file when absent'),
});

/** The keys of a model that engines of one's own read. */
export const localShape = {
  lora: z
    .array(adapter)
    .min(1)
    .optional()
    .describe('LoRA adapters over the model: of llama-cpp and llamacpp any number, of vllm and ollama one; loaded when first needed'),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe('Threads that a model of llama-cpp computes with; one for each 64 MiB of weights, as far as there are cores, when absent'),
  gpuLayers: z.int().min(0).optional().describe('Layers of a model of llama-cpp on the GPU, 0 for none; as many as fit when absent'),
};

const raw = z.strictObject(localShape);

/** How an engine runs a model, from what was written; null where nothing was. */
export function localConfig(
  model: Pick<z.output<typeof raw>, 'lora' | 'threads' | 'gpuLayers'>,
  placed: (path: string) => string,
): LocalConfig | null {
  const { lora, threads, gpuLayers } = model;
  if (lora === undefined && threads === undefined && gpuLayers === undefined) return null;
  return {
    lora: (lora ?? []).map(({ path, scale, name }) => ({ path: placed(path), scale, name: name ?? nameOf(path) })),
    threads: threads ?? null,
    gpuLayers: gpuLayers ?? null,
  };
}

/** The last part of a path without its ending. */
function nameOf(path: string): string {
  return basename(path).replace(/\.(gguf|safetensors|bin)$/, '') || 'adapter';
}
