import type { ModelEvent, ModelRequest, Usage } from '../../core/index.ts';
import { codecs } from '../codecs/index.ts';
import type { JsonObject, Protocol } from '../codecs/types.ts';
import type { Upstream } from '../upstream/upstreams.ts';
import { anthropicBatches } from './anthropic.ts';
import { BatchHttp } from './batch-http.ts';
import { mistralBatches } from './mistral.ts';
import { openaiBatches } from './openai.ts';
import type { BatchApi } from './types.ts';

export { mayHaveHappened } from './batch-http.ts';
export type { BatchApi, BatchFile, BatchLimits, RemoteBatch } from './types.ts';

/** Who has a batch API, and in which protocol its lines are. */
const apis: Readonly<Record<string, { readonly protocol: Protocol; readonly make: (http: BatchHttp) => BatchApi }>> = {
  openai: { protocol: 'openai-chat', make: openaiBatches },
  anthropic: { protocol: 'anthropic-messages', make: anthropicBatches },
  mistral: { protocol: 'openai-chat', make: mistralBatches },
};

/** Whether a provider has a batch API that we know. */
export function hasBatches(provider: string): boolean {
  return Object.hasOwn(apis, provider);
}

/** A model through its provider's batch API. */
export interface BatchModel {
  readonly api: BatchApi;
  /** A request as a line of a batch, and how its answer is read. */
  write(id: string, request: ModelRequest): { readonly line: JsonObject; readonly read: (body: unknown) => readonly ModelEvent[] };
  /** The tokens that an answer says it took; null where it does not. */
  usageOf(body: unknown): Usage | null;
}

/** The batch API behind an upstream; null where its provider has none. */
export function batchModel(upstream: Upstream): BatchModel | null {
  const { target } = upstream;
  const row = Object.hasOwn(apis, target.provider) ? apis[target.provider] : undefined;
  if (row === undefined) return null;
  const api = row.make(new BatchHttp(upstream));
  const codec = codecs[row.protocol];
  return {
    api,
    usageOf: (body) => codec.readResponse(body).find((event) => event.type === 'end')?.usage ?? null,
    write: (id, request) => {
      const wire = codec.writeRequest(request, { model: target.model, stream: false, quirks: target.quirks });
      return { line: api.line(id, wire), read: (body) => codec.readResponse(body, wire.reading) };
    },
  };
}
