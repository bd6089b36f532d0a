/** A LoRA adapter over a model, as the provider needs it. */
export interface LoraAdapter {
  /** A GGUF file here. */
  readonly path: string;
  readonly scale: number;
}

/** How a model in this process is run. Null leaves a choice to the engine or to the default named there. */
export interface LocalSettings {
  readonly lora: readonly LoraAdapter[];
  /** Tokens of prompt and answer together. Default: what the model was trained on, at most 4,096. */
  readonly contextWindow: number | null;
  /** Default: one for each 64 MiB of weights, as far as the machine has cores that are good at arithmetic. */
  readonly threads: number | null;
  /** Layers on the GPU; 0 keeps everything on the CPU. Default: as many as fit. */
  readonly gpuLayers: number | null;
  /** Answers that are written at once; each takes memory for a context of its own. Default 1. */
  readonly concurrency: number | null;
  /** Callers in line. Default 64. */
  readonly queue: number | null;
}
