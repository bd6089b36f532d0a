import { type ErrorCode, SmallfirstError } from '../core/index.ts';
import { codecs, type ErrorReport, type JsonObject, type Protocol, UpstreamError } from '../providers/index.ts';
import { Refusal } from './refusal.ts';

/** An error as a client gets it. */
export interface RenderedError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly headers: readonly string[];
  readonly body: JsonObject;
}

const words: Readonly<Partial<Record<ErrorCode, Omit<ErrorReport, 'message'>>>> = {
  MODEL_NOT_FOUND: { kind: 'not-found', code: 'model_not_found', param: 'model' },
  BUDGET_EXCEEDED: { kind: 'billing' },
  UPSTREAM_BUSY: { kind: 'overloaded' },
  SHUTTING_DOWN: { kind: 'overloaded' },
};

/** An error in the envelope of a protocol. One that nobody raised on purpose tells the client nothing of its cause. */
export function renderError(error: unknown, protocol: Protocol, requestId: string): RenderedError {
  const known = error instanceof SmallfirstError ? error : new SmallfirstError('INTERNAL', 'The gateway failed.', { cause: error });
  const told = known instanceof UpstreamError ? known.told : null;
  // An upstream's own answer keeps its status, and its words where those are about the request: clients compact and wait by them.
  const status = told?.status ?? known.row.http;
  const report: ErrorReport =
    told === null
      ? { ...words[known.code], message: known.message, requestId }
      : {
          kind: told.kind,
          type: told.type,
          code: told.code,
          param: told.param,
          message: told.message === '' ? known.message : told.message,
          requestId,
        };
  const headers: string[] = [];
  if (!known.row.retry && status >= 408) headers.push('x-should-retry', 'false');
  if (status === 401) headers.push('x-should-retry', 'false');
  if (known instanceof Refusal) headers.push(...known.headers);
  else if (known instanceof UpstreamError && known.retryAfterMs !== null) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(known.retryAfterMs / 1000))));
  } else if (known.code === 'SHUTTING_DOWN') headers.push('retry-after', '1');
  return { status, code: known.code, headers, body: codecs[protocol].writeError(status, report) };
}

/**
 * What a client is told instead of an upstream's error that is no error object (a page for browsers, or nothing at all), or that is
 * about the credential of ours: upstreams repeat keys and name accounts there.
 */
export function renderForeignError(status: number, protocol: Protocol, requestId: string): JsonObject {
  const message =
    status === 401 || status === 403
      ? `The upstream refused the gateway's own credential (${status}); whoever runs the gateway must correct it.`
      : `The upstream answered ${status} without saying why.`;
  return codecs[protocol].writeError(status, { message, requestId });
}
