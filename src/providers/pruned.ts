import { type PruneList, pruneRequest } from '../pruning/index.ts';
import type { ModelClient } from './types.ts';

/** The client of a model that was trained without some prompt parts: it is asked without them, whoever asks. Null changes nothing. */
export function withPruning(client: ModelClient, list: PruneList | null): ModelClient {
  if (list === null) return client;
  const { version } = client;
  return {
    ...(version === undefined ? {} : { version }),
    call: (request, context) => client.call(pruneRequest(request, list), context),
  };
}
