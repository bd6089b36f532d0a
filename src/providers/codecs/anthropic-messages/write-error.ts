import { promptTooLong } from '../context-length.ts';
import { kindOfStatus } from '../errors.ts';
import type { ErrorKind, ErrorReport, JsonObject } from '../types.ts';

const types: Readonly<Record<ErrorKind, string>> = {
  'invalid-request': 'invalid_request_error',
  'context-length': 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  'not-found': 'not_found_error',
  conflict: 'invalid_request_error',
  'too-large': 'request_too_large',
  'rate-limit': 'rate_limit_error',
  quota: 'billing_error',
  billing: 'billing_error',
  timeout: 'timeout_error',
  overloaded: 'overloaded_error',
  server: 'api_error',
  'not-supported': 'not_supported',
};

const own: ReadonlySet<string> = new Set(Object.values(types));

/** Anthropic's error envelope. */
export function writeError(status: number, report: ErrorReport): JsonObject {
  const kind = report.kind ?? kindOfStatus(status);
  const derived = types[kind];
  const type = report.type !== null && report.type !== undefined && own.has(report.type) ? report.type : derived;
  const error = { type, message: kind === 'context-length' ? promptTooLong(report.message) : report.message };
  return { type: 'error', error, ...(report.requestId === undefined ? {} : { request_id: report.requestId }) };
}
