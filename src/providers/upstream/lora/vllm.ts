import { type HostAnswer, jsonOf, type LoraJob, type LoraStyle, loraError } from './types.ts';

/**
 * vLLM: an adapter is a model of its own name, loaded by `/v1/load_lora_adapter` where the server allows it
 * (docs.vllm.ai/en/latest/features/lora). A restarted server has forgotten it, and says that the model does not exist.
 */
export const vllmLora: LoraStyle = {
  several: false,
  renames: true,
  from: 'server',
  holdsMs: null,
  load: async (job, host) => {
    const [adapter] = job.adapters;
    if (adapter === undefined) return null;
    const listed = await host.ask('GET', '/v1/models');
    const there = cardsOf(listed).find(({ id }) => id === adapter.name);
    // Without a root nobody can say which adapter it is: it was named so on purpose, by `--lora-modules`.
    if (there && (there.root === undefined || there.root === adapter.path)) return null;
    if (there) await host.ask('POST', '/v1/unload_lora_adapter', { lora_name: adapter.name });
    const loaded = await host.ask('POST', '/v1/load_lora_adapter', { lora_name: adapter.name, lora_path: adapter.path });
    if (loaded.status === 200 || isThereAlready(loaded)) return null;
    throw loraError(job, adapter, whyNot(loaded, job));
  },
};

interface Card {
  readonly id?: unknown;
  /** The adapter's path. */
  readonly root?: unknown;
}

function cardsOf(answer: HostAnswer): readonly Card[] {
  const { data } = (jsonOf(answer) ?? {}) as { readonly data?: unknown };
  return Array.isArray(data) ? (data as readonly Card[]) : [];
}

/** Somebody else loaded it between our question and our request. */
function isThereAlready({ status, text }: HostAnswer): boolean {
  return status === 400 && text.includes('already been loaded');
}

function whyNot(answer: HostAnswer, job: LoraJob): string {
  // A route that is not there is the web framework's own 404; an adapter that is not there is vLLM's.
  if (answer.status === 404 && (jsonOf(answer) as { readonly detail?: unknown } | null)?.detail !== undefined) {
    return 'vLLM loads none while it runs; start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or with --lora-modules';
  }
  return `vLLM answered ${answer.status}; the path must be one that vLLM itself can read, and the adapter one of ${job.base}`;
}
