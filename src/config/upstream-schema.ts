import { z } from 'zod';
import type { ModelUpstream } from './types.ts';

const secret = z.string().min(1);
const weighted = z.strictObject({ key: secret, weight: z.number().gt(0).default(1).describe('Its share of the load') });

/** The keys of a model that say how it is called over HTTP. */
export const upstreamShape = {
  apiKey: z
    .union([secret, z.array(z.union([secret, weighted])).min(1)])
    .optional()
    .describe('The credential, or several that share the load; write ${NAME} to take one from the environment'),
  protocols: z
    .array(z.enum(['openai-chat', 'openai-responses', 'anthropic-messages']))
    .min(1)
    .optional()
    .describe(
      'Protocols that this server takes as they are, where it knows more than its kind usually does; the first is the one to translate into',
    ),
  retries: z.int().min(0).max(10).optional().describe('Further tries of a failed request; 2 when absent'),
  breaker: z
    .union([z.boolean(), z.enum(['on', 'off'])])
    .optional()
    .describe('Whether failures in a row send requests to the fallbacks for a while; on when absent'),
  concurrency: z.int().min(1).optional().describe('Requests at once; without limit when absent'),
  queue: z.int().min(0).optional().describe('Requests in line for a slot; as many as may run at once when absent'),
  timeoutMs: z.int().min(1).optional().describe('How long to wait for the first byte and between bytes; 15 minutes when absent'),
  hedgeMs: z.int().min(1).optional().describe('Ask a second time when the first byte takes longer; never when absent'),
  fallbacks: z.array(z.string().min(1)).optional().describe('Models to turn to before the first byte: the same one at other providers'),
};

const raw = z.strictObject(upstreamShape);

/** How a model is called, from what was written. */
export function modelUpstream(model: z.output<typeof raw>): ModelUpstream {
  const keys = model.apiKey === undefined ? [] : typeof model.apiKey === 'string' ? [model.apiKey] : model.apiKey;
  const [first, ...others] = model.protocols ?? [];
  return {
    keys: keys.map((key) => (typeof key === 'string' ? { key, weight: 1 } : key)),
    protocols: first === undefined ? null : [first, ...others],
    retries: model.retries ?? null,
    breaker: model.breaker !== false && model.breaker !== 'off',
    concurrency: model.concurrency ?? null,
    queue: model.queue ?? null,
    timeoutMs: model.timeoutMs ?? null,
    hedgeMs: model.hedgeMs ?? null,
    fallbacks: model.fallbacks ?? [],
  };
}
