import { kindOfStatus } from '../errors.ts';
import type { ErrorKind, ErrorReport, JsonObject } from '../types.ts';

interface Words {
  readonly type: string;
  readonly code: string | null;
}

const words: Readonly<Record<ErrorKind, Words>> = {
  'invalid-request': { type: 'invalid_request_error', code: null },
  'context-length': { type: 'invalid_request_error', code: 'context_length_exceeded' },
  authentication: { type: 'invalid_request_error', code: 'invalid_api_key' },
  permission: { type: 'permission_error', code: null },
  'not-found': { type: 'invalid_request_error', code: 'not_found' },
  conflict: { type: 'invalid_request_error', code: null },
  'too-large': { type: 'invalid_request_error', code: 'request_too_large' },
  'rate-limit': { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  quota: { type: 'insufficient_quota', code: 'insufficient_quota' },
  billing: { type: 'insufficient_quota', code: 'insufficient_quota' },
  timeout: { type: 'timeout_error', code: null },
  overloaded: { type: 'server_error', code: 'server_is_overloaded' },
  server: { type: 'server_error', code: null },
  'not-supported': { type: 'invalid_request_error', code: 'not_supported' },
};

const own: ReadonlySet<string> = new Set([...Object.values(words).map((row) => row.type), 'requests', 'tokens', 'authentication_error']);

/** OpenAI's error envelope, for chat completions and responses alike. */
export function writeError(status: number, report: ErrorReport): JsonObject {
  const kind = report.kind ?? kindOfStatus(status);
  const { type, code } = words[kind];
  const known = report.type !== null && report.type !== undefined && own.has(report.type) ? report.type : type;
  // Clients know this one by its code alone, and engines have numbers or words of their own in its place.
  const told = kind === 'context-length' ? code : (report.code ?? code);
  return { error: { message: report.message, type: known, param: report.param ?? null, code: told } };
}
