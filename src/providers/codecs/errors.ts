import type { UpstreamFailure } from '../../core/index.ts';
import { saysTooLong } from './context-length.ts';
import { isObject, parseJson } from './shape.ts';
import type { ErrorKind, ErrorReport, WireError } from './types.ts';

/** The kind of an error that says nothing but its HTTP status. */
export function kindOfStatus(status: number): ErrorKind {
  switch (status) {
    case 401:
      return 'authentication';
    case 402:
      return 'billing';
    case 403:
      return 'permission';
    case 404:
      return 'not-found';
    case 408:
    case 504:
      return 'timeout';
    case 409:
      return 'conflict';
    case 413:
      return 'too-large';
    case 429:
      return 'rate-limit';
    case 501:
      return 'not-supported';
    case 503:
    case 529:
      return 'overloaded';
    default:
      return status >= 500 ? 'server' : 'invalid-request';
  }
}

/** Kinds by the words that vendors use as `type` or `code`; the more specific word (the code) is asked first. */
const kinds: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>(
  Object.entries({
    context_length_exceeded: 'context-length',
    exceed_context_size_error: 'context-length',
    insufficient_quota: 'quota',
    billing_hard_limit_reached: 'quota',
    billing_not_active: 'billing',
    billing_error: 'billing',
    invalid_api_key: 'authentication',
    authentication_error: 'authentication',
    permission_error: 'permission',
    permission_denied: 'permission',
    model_not_found: 'not-found',
    not_found_error: 'not-found',
    request_too_large: 'too-large',
    rate_limit_exceeded: 'rate-limit',
    rate_limit_error: 'rate-limit',
    slow_down: 'rate-limit',
    server_is_overloaded: 'overloaded',
    overloaded_error: 'overloaded',
    service_unavailable_error: 'overloaded',
    timeout_error: 'timeout',
    api_error: 'server',
    server_error: 'server',
    not_supported: 'not-supported',
    invalid_request_error: 'invalid-request',
  }),
);

const never: ReadonlySet<ErrorKind> = new Set(['quota', 'billing']);

/** Reads an upstream's error body: both vendors' envelopes, their many variations, and pages that are no JSON at all. */
export function readWireError(status: number, bodyText: string): WireError {
  const body = parseJson(bodyText);
  // Gemini's compatible endpoint wraps the object in a list.
  const outer = Array.isArray(body) ? (body[0] as unknown) : body;
  const wrapped = isObject(outer) ? (outer.error ?? outer) : null;
  const error = isObject(wrapped) ? wrapped : {};
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null);
  const type = text(error.type);
  const code = text(error.code);
  const message = typeof wrapped === 'string' ? wrapped : (text(error.message) ?? text(error.detail) ?? '');
  const kind = kindOf(status, type, code, message);
  return { status, kind, type, code, param: text(error.param), message, retryable: isRetryable(status, kind) };
}

function kindOf(status: number, type: string | null, code: string | null, message: string): ErrorKind {
  const byWord = kinds.get(code ?? '') ?? kinds.get(type ?? '');
  if (byWord !== undefined && byWord !== 'invalid-request') return byWord;
  if (status === 400 && saysTooLong(message)) return 'context-length';
  return status >= 400 ? kindOfStatus(status) : (byWord ?? 'server');
}

function isRetryable(status: number, kind: ErrorKind): boolean {
  return (status === 408 || status === 409 || status === 429 || status >= 500) && status !== 501 && !never.has(kind);
}

/** What a client is told of an answer that was cut: the kind survives, the upstream's words do not, for they may name its accounts. */
export function cutReport(failure: UpstreamFailure | undefined): ErrorReport {
  if (failure === undefined) return { kind: 'server', message: 'The answer broke off before its end.' };
  const byWord = kinds.get(failure.code ?? '') ?? kinds.get(failure.type ?? '') ?? 'server';
  const kind = byWord === 'invalid-request' && saysTooLong(failure.message) ? 'context-length' : byWord;
  return { kind, type: failure.type, message: 'The upstream failed before the answer was complete.' };
}
