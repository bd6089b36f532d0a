import { basename } from 'node:path';
import { jsonOf, type LoraStyle, loraError } from './types.ts';

/**
 * llama.cpp's server: adapters are named when it starts, and each request says which of them it wants, by number
 * (github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md). A restarted server may number them otherwise.
 */
export const llamaServerLora: LoraStyle = {
  several: true,
  renames: false,
  from: 'server',
  holdsMs: 10_000,
  load: async (job, host) => {
    const answer = await host.ask('GET', '/lora-adapters');
    const listed = jsonOf(answer);
    const there = Array.isArray(listed) ? (listed as readonly { readonly id?: unknown; readonly path?: unknown }[]) : [];
    const wanted = job.adapters.map((adapter) => {
      const exact = there.find(({ path }) => path === adapter.path);
      const found = exact ?? there.find(({ path }) => typeof path === 'string' && basename(path) === basename(adapter.path));
      if (typeof found?.id === 'number') return { id: found.id, scale: adapter.scale };
      throw loraError(job, adapter, `start llama-server with --lora-init-without-apply and --lora ${basename(adapter.path)}`);
    });
    return { key: 'lora', json: JSON.stringify(wanted) };
  },
};
