import { type NanoUsd, ZERO_USD } from '../core/index.ts';
import type { Exchange } from './exchange.ts';

/** What a request to an endpoint costs for certain. */
export interface EndpointPrice {
  readonly cost: NanoUsd;
  /** Says whose word it is that this is free. */
  readonly priceId: string;
}

/** Endpoints that make something of a client's own and charge nothing for it, in the price lists of those who have them. */
const FREE_POSTS = /^\/v1\/(files|uploads|conversations|responses\/input_tokens|messages\/count_tokens)(\/|$)|\/(cancel|pause|resume)$/;
/** The same for what one vendor gives away and others charge for. */
const FREE_AT: ReadonlyMap<string, RegExp> = new Map([['openai', /^\/v1\/moderations(\/|$)/]]);
/** Part of a path that is the name of an endpoint, not of a thing. */
const WORD = /^[a-z]+(_[a-z]+)*$/;
const MAX_NAME = 64;

/**
 * The price of a request that names no model of ours: nothing for counting, reading, cancelling and deleting, nor for files, nor for
 * OpenAI's moderations. Null where it costs something that its answer does not say (pictures, batches, fine-tuning): that is unpriced.
 */
export function endpointPrice(
  { route, path, request }: Pick<Exchange, 'route' | 'path' | 'request'>,
  provider: string,
): EndpointPrice | null {
  const isFree = route.kind === 'count' || request.method !== 'POST' || FREE_POSTS.test(path) || FREE_AT.get(provider)?.test(path) === true;
  return isFree ? { cost: ZERO_USD, priceId: `free:${provider}:${endpointName(path)}@` } : null;
}

/** What a bill calls an endpoint: its path without the things that it names. */
export function endpointName(path: string): string {
  const words = path
    .split('/')
    .slice(2)
    .filter((segment) => WORD.test(segment));
  return words.join('/').slice(0, MAX_NAME);
}
