import type { ErrorKind, WireError } from '../codecs/types.ts';
import { UpstreamError } from './types.ts';

/** Longest part of an upstream's own words that is repeated. */
const MAX_WORDS = 600;

/** Kinds whose words are about the request, so that whoever sent it needs them; the others may name accounts and keys. */
const ABOUT_THE_REQUEST: ReadonlySet<ErrorKind> = new Set(['invalid-request', 'context-length', 'too-large', 'not-supported']);

const sentences: Readonly<Record<ErrorKind, string>> = {
  'invalid-request': 'refused the request',
  'context-length': 'refused the request',
  'too-large': 'refused the request',
  'not-supported': 'refused the request',
  authentication: 'does not accept its key',
  permission: 'does not permit this with its key',
  'not-found': 'does not know the model or the endpoint',
  conflict: 'reports a conflict',
  'rate-limit': 'is limiting the rate',
  quota: 'says that the quota behind its key is spent',
  billing: 'says that its account cannot be billed',
  timeout: 'timed out',
  overloaded: 'is overloaded',
  server: 'failed',
};

/** An upstream's error answer as an error of ours: UPSTREAM_BUSY for what passes, UPSTREAM_REJECTED for what sending again will not change, else UPSTREAM_FAILED. */
export function refusalError(name: string, error: WireError, retryAfterMs: number | null): UpstreamError {
  const code = error.retryable
    ? error.kind === 'rate-limit' || error.kind === 'overloaded'
      ? 'UPSTREAM_BUSY'
      : 'UPSTREAM_FAILED'
    : error.status >= 500
      ? 'UPSTREAM_FAILED'
      : 'UPSTREAM_REJECTED';
  const words = ABOUT_THE_REQUEST.has(error.kind) ? error.message.slice(0, MAX_WORDS) : '';
  const told: WireError = { ...error, message: words };
  return new UpstreamError(
    code,
    `The upstream of ${name} ${sentences[error.kind]} (HTTP ${error.status})${words === '' ? '.' : `: ${words}`}`,
    {
      told,
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  );
}
