import { SmallfirstError } from '../core/index.ts';
import { type ClientProtocol, type ClientRequest, clientCodecs, MalformedRequest, type Protocol, parseBody } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

const TRANSLATED: ReadonlySet<string> = new Set<Protocol>(['openai-chat', 'openai-responses', 'anthropic-messages']);

/** Whether a request of an endpoint can be a task's: what a ladder's models are asked, and answered with, is a conversation. */
export function isTranslatable(exchange: Pick<Exchange, 'route'>): boolean {
  return exchange.route.tap !== null && TRANSLATED.has(exchange.route.tap);
}

/** Whether it can be said in our own words at all, and so reach a model of another protocol: completions can, embeddings cannot. */
export function hasCounterpart(exchange: Pick<Exchange, 'route'>): boolean {
  return isTranslatable(exchange) || exchange.route.tap === 'openai-completions';
}

/** The error for an endpoint to which another protocol has no counterpart. */
export function withoutCounterpart(exchange: Pick<Exchange, 'route' | 'path'>, model: string): SmallfirstError {
  const why =
    exchange.route.tap === 'openai-embeddings'
      ? 'speaks a protocol that has no embeddings'
      : 'speaks another protocol, which has no counterpart';
  return new SmallfirstError(
    'NOT_SUPPORTED',
    `${exchange.path} cannot be answered by the model "${model}": it ${why}. Name a model whose upstream has this endpoint.`,
  );
}

/** The request in our own words. Throws REQUEST_INVALID, with the place, for what is no request of its protocol. */
export function readRequest(exchange: Pick<Exchange, 'route' | 'body'>): ClientRequest {
  try {
    return clientCodecs[clientProtocol(exchange)].readRequest(parseBody(exchange.body));
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    throw new SmallfirstError('REQUEST_INVALID', error.message, { cause: error });
  }
}

function clientProtocol({ route }: Pick<Exchange, 'route'>): ClientProtocol {
  return route.tap === 'openai-completions' ? route.tap : route.protocol;
}

/** Refuses what a model of another protocol cannot be asked, by name: an answer to half of a request would be worse than none. */
export function refuseUntranslatable(client: ClientRequest, model: string): void {
  if (client.untranslatable.length === 0) return;
  const what = client.untranslatable.slice(0, 8).join(', ');
  throw new SmallfirstError('REQUEST_INVALID', `The model "${model}" speaks another protocol, which has nothing for: ${what}.`);
}
