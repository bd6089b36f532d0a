import { UpstreamError } from './types.ts';

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection before it answered',
  EPIPE: 'closed the connection before it answered',
  UND_ERR_SOCKET: 'closed the connection before it answered',
  ENOTFOUND: 'has a name that does not resolve',
  EAI_AGAIN: 'has a name that does not resolve just now',
  ETIMEDOUT: 'cannot be reached',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  UND_ERR_CONNECT_TIMEOUT: 'cannot be reached',
  UND_ERR_HEADERS_TIMEOUT: 'took too long to begin its answer',
  UND_ERR_BODY_TIMEOUT: 'fell silent in the middle of its answer',
  SMALLFIRST_HEAD_TIMEOUT: 'took too long to begin its answer',
  SMALLFIRST_BODY_TIMEOUT: 'fell silent in the middle of its answer',
  SMALLFIRST_FORBIDDEN_ADDRESS: 'has an address that is never called',
};

/** What went wrong on the way to an upstream, in words that are safe to show; `name` is the model's in the registry. */
export function transportError(name: string, cause: Error, begun: boolean): UpstreamError {
  // What could not be made ready has said why.
  if (cause instanceof UpstreamError) return cause;
  const code = codeOf(cause);
  if (
    code === 'SMALLFIRST_NOT_HTTP' ||
    code.startsWith('HPE_') ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    code === 'UND_ERR_HEADERS_OVERFLOW'
  ) {
    return new UpstreamError('UPSTREAM_INVALID', `The upstream of ${name} sent something that is not HTTP.`, { cause });
  }
  const known = sentences[code];
  const what = begun && known === sentences.ECONNRESET ? 'broke off in the middle of its answer' : (known ?? 'failed');
  return new UpstreamError('UPSTREAM_FAILED', `The upstream of ${name} ${what}.`, { cause });
}

/** Whether sending the request again can help: not where the address itself is refused, or the request is no HTTP. */
export function mayTryAgain(cause: Error): boolean {
  if (cause instanceof UpstreamError) return cause.row.retry;
  const code = codeOf(cause);
  return code !== 'SMALLFIRST_FORBIDDEN_ADDRESS' && code !== 'UND_ERR_INVALID_ARG' && code !== 'SMALLFIRST_NO_REQUEST';
}

function codeOf(cause: Error): string {
  const { code } = cause as { readonly code?: unknown };
  if (typeof code === 'string') return code;
  // Every address of a name failed: what the last one said.
  const { errors } = cause as { readonly errors?: unknown };
  const last: unknown = Array.isArray(errors) ? errors.at(-1) : undefined;
  return last instanceof Error ? codeOf(last) : '';
}
