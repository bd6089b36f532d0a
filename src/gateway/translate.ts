import { SmallfirstError } from '../core/index.ts';
import { type ClientRequest, codecs, MalformedRequest, type Protocol, parseBody } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

const TRANSLATED: ReadonlySet<string> = new Set<Protocol>(['openai-chat', 'openai-responses', 'anthropic-messages']);

/** Whether requests of an endpoint can be said in our own words: the older completions and embeddings are only ever relayed. */
export function isTranslatable(exchange: Pick<Exchange, 'route'>): boolean {
  return exchange.route.tap !== null && TRANSLATED.has(exchange.route.tap);
}

/** The request in our own words. Throws REQUEST_INVALID, with the place, for what is no request of its protocol. */
export function readRequest(exchange: Pick<Exchange, 'route' | 'body'>): ClientRequest {
  try {
    return codecs[exchange.route.protocol].readRequest(parseBody(exchange.body));
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    throw new SmallfirstError('REQUEST_INVALID', error.message, { cause: error });
  }
}

/** Refuses what a model of another protocol cannot be asked, by name: an answer to half of a request would be worse than none. */
export function refuseUntranslatable(client: ClientRequest, model: string): void {
  if (client.untranslatable.length === 0) return;
  const what = client.untranslatable.slice(0, 8).join(', ');
  throw new SmallfirstError('REQUEST_INVALID', `The model "${model}" speaks another protocol, which has nothing for: ${what}.`);
}
