import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LoraSettings } from '../types.ts';
import { jsonOf, type LoraJob, type LoraStyle, loraError } from './types.ts';

/**
 * Ollama: a model of its own name is made from a base and an adapter, whose file is sent there first
 * (docs.ollama.com/api: create, blobs, show). It stays made when the server restarts.
 */
export const ollamaLora: LoraStyle = {
  several: false,
  renames: true,
  from: 'here',
  holdsMs: null,
  load: async (job, host) => {
    const [adapter] = job.adapters;
    if (adapter === undefined) return null;
    const digest = await digestOf(job, adapter);
    const shown = await host.ask('POST', '/api/show', { model: adapter.name });
    const { modelfile } = (jsonOf(shown) ?? {}) as { readonly modelfile?: unknown };
    // The file that was made from it names its parts by their hashes.
    if (shown.status === 200 && typeof modelfile === 'string' && modelfile.includes(`sha256-${digest}`)) return null;
    const blob = `/api/blobs/sha256:${digest}`;
    if ((await host.ask('HEAD', blob)).status !== 200) {
      const sent = await host.upload(blob, adapter.path);
      if (sent.status >= 300) throw loraError(job, adapter, `Ollama answered ${sent.status} to its file`);
    }
    const made = await host.ask('POST', '/api/create', {
      model: adapter.name,
      from: job.base,
      adapters: { [basename(adapter.path)]: `sha256:${digest}` },
      stream: false,
    });
    const { error } = (jsonOf(made) ?? {}) as { readonly error?: unknown };
    if (made.status === 200 && error === undefined) return null;
    throw loraError(
      job,
      adapter,
      `Ollama answered ${made.status} when it was to make it; ${job.base} must be there, and the adapter one of it`,
    );
  },
};

async function digestOf(job: LoraJob, adapter: LoraSettings): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(adapter.path), hash);
  } catch {
    throw loraError(job, adapter, `the file ${basename(adapter.path)} cannot be read`);
  }
  return hash.digest('hex');
}
