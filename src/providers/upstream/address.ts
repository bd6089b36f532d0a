import { SmallfirstError } from '../../core/index.ts';
import type { UrlLayout } from '../vendors.ts';

/** Where an upstream is, in the parts that a request is put together from. */
export interface Address {
  /** Scheme, host and port. */
  readonly origin: string;
  /** What stands before an endpoint's own path; '' or starts with a slash. */
  readonly prefix: string;
  /** The query that the configured URL carries, without the question mark; it goes on every request. */
  readonly query: string;
  /** Endpoints that work on one model lie below `/deployments/MODEL`. */
  readonly deployments: boolean;
}

const V1 = '/v1';

/** Reads a configured base URL by its vendor's layout. Throws CONFIG_INVALID for what is no plain http(s) URL. */
export function readAddress(url: string, layout: UrlLayout): Address {
  const parsed = parse(url);
  const path = parsed.pathname.replace(/\/+$/, '');
  const query = parsed.search.slice(1);
  const at = (prefix: string, deployments = false): Address => ({ origin: parsed.origin, prefix, query, deployments });
  switch (layout) {
    case 'exact':
      return at(path);
    case 'v1':
      return at(path === '' ? V1 : path);
    case 'before-v1':
      return at(path.endsWith(V1) ? path : path + V1);
    case 'azure':
      if (path.includes('/deployments/') || path.endsWith(V1)) return at(path);
      if (parsed.searchParams.has('api-version')) return at(path.endsWith('/openai') ? path : `${path}/openai`, true);
      return at(path.endsWith('/openai') ? path + V1 : `${path}/openai${V1}`);
  }
}

function parse(url: string): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new SmallfirstError('CONFIG_INVALID', 'An upstream url is not a URL.');
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new SmallfirstError('CONFIG_INVALID', `The upstream url of ${parsed.host || 'a model'} must begin with http:// or https://.`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new SmallfirstError('CONFIG_INVALID', `The upstream url of ${parsed.host} holds a credential; write it as apiKey.`);
  }
  if (parsed.hash !== '') throw new SmallfirstError('CONFIG_INVALID', `The upstream url of ${parsed.host} has a fragment (#…).`);
  return parsed;
}

// Azure keeps these below a deployment; everything else (responses, files, batches) is the resource's own.
const PER_DEPLOYMENT = /^\/(chat\/completions|completions|embeddings|audio\/|images\/)/;

/**
 * The request target of an endpoint: `path` as a client calls it (`/v1/chat/completions`) or as an SDK appends it
 * (`/chat/completions`), `query` without question mark, the client's after the configured one.
 */
export function targetOf(address: Address, path: string, query: string, model: string): string {
  const endpoint = path.startsWith('/v1/') ? path.slice(3) : path;
  const deployment = address.deployments && PER_DEPLOYMENT.test(endpoint) ? `/deployments/${encodeURIComponent(model)}` : '';
  const whole = address.prefix + deployment + endpoint;
  if (address.query === '') return query === '' ? whole : `${whole}?${query}`;
  return query === '' ? `${whole}?${address.query}` : `${whole}?${address.query}&${query}`;
}

/** A dot segment, also one with parameters, which some servers cut off before they look. */
const DOTS = /^(\.|%2e){1,2}(;.*)?$/i;
/** A slash, backslash or control that is escaped, however often, and a dot that is escaped twice. */
const ESCAPED = /%(25)*(2f|5c|00|0a|0d)|%(25)+2e/i;

/** Whether a client's path can be appended to a prefix without leaving it: no dot segments, plain or escaped, no backslash, no controls. */
export function isSafePath(path: string): boolean {
  if (!path.startsWith('/') || path.startsWith('//') || /[\\#?\s\x00-\x1f\x7f]/.test(path)) return false;
  return path.split('/').every((segment) => !DOTS.test(segment) && !ESCAPED.test(segment));
}
