import type { LoraStyleName } from '../../vendors.ts';
import { llamaServerLora } from './llama-server.ts';
import { ollamaLora } from './ollama.ts';
import type { LoraStyle } from './types.ts';
import { vllmLora } from './vllm.ts';

export { loraHost } from './host.ts';
export { TargetLora } from './target-lora.ts';

/** How each kind of server takes adapters, by the name that its vendor row gives. */
export const loraStyles = {
  vllm: vllmLora,
  'llama-server': llamaServerLora,
  ollama: ollamaLora,
} as const satisfies Readonly<Record<LoraStyleName, LoraStyle>>;
