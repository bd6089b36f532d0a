import type { AuthStyle } from '../vendors.ts';

/** Headers as they stand on the wire: name, value, name, value. */
export type HeaderList = readonly string[];

const FORWARDED: ReadonlySet<string> = new Set([
  'content-type',
  'accept',
  'accept-language',
  'user-agent',
  'idempotency-key',
  'x-client-request-id',
  'x-app',
  'x-title',
  'http-referer',
  'x-session-id',
  'x-session-affinity',
  'traceparent',
  'tracestate',
]);
const FORWARDED_PREFIXES = ['anthropic-', 'openai-', 'x-stainless-', 'x-claude-'] as const;
// They choose an account or a project within a key's reach, so they go with the client's own key only.
const WITH_CREDENTIAL: ReadonlySet<string> = new Set(['openai-organization', 'openai-project', 'anthropic-workspace-id']);
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'api-key']);

type Rule = 'forward' | 'with-credential' | 'credential' | 'drop';
// Clients send the same few names again and again; the table is bounded because names come from outside.
const rules = new Map<string, Rule>();
const MAX_RULES = 1024;

function ruleOf(name: string): Rule {
  const known = rules.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const rule: Rule = CREDENTIALS.has(lower)
    ? 'credential'
    : WITH_CREDENTIAL.has(lower)
      ? 'with-credential'
      : FORWARDED.has(lower) || FORWARDED_PREFIXES.some((prefix) => lower.startsWith(prefix))
        ? 'forward'
        : 'drop';
  if (rules.size < MAX_RULES) rules.set(name, rule);
  return rule;
}

/**
 * The headers of an upstream request, made from the client's: only those that an API is meant to read, never cookies, hop-by-hop or
 * forwarding headers. `credential` is the config's own, in which case the client's never goes on; null forwards the client's.
 */
export function requestHeaders(client: HeaderList, credential: HeaderList | null): string[] {
  // The answer must be readable on its way, and event streams are not compressed anyway.
  const out: string[] = ['accept-encoding', 'identity'];
  if (credential !== null) for (const part of credential) out.push(part);
  for (let i = 0; i + 1 < client.length; i += 2) {
    const name = client[i] as string;
    const rule = ruleOf(name);
    if (rule === 'forward' || (rule !== 'drop' && credential === null)) out.push(name, client[i + 1] as string);
  }
  return out;
}

/** A key as a header, in its vendor's style. */
export function credentialHeader(style: AuthStyle, key: string): HeaderList {
  return style === 'bearer' ? ['authorization', `Bearer ${key}`] : [style, key];
}

const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // What is between the upstream and us alone, or would speak for our origin.
  'set-cookie',
  'set-cookie2',
  'alt-svc',
  'strict-transport-security',
  'clear-site-data',
  'content-security-policy',
  'location',
  'www-authenticate',
  'date',
  'server',
  'via',
]);

/** An answer's headers: what goes on to the client, and what is read on the way. */
export interface AnswerHeaders {
  readonly forward: string[];
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly retryAfter: string | null;
  readonly retryAfterMs: string | null;
  readonly shouldRetry: string | null;
}

/** Reads an answer's headers, names in lower case. Names that the answer's own `connection` header lists are hop-by-hop too. */
export function answerHeaders(raw: HeaderList): AnswerHeaders {
  const forward: string[] = [];
  let contentType: string | null = null;
  let contentEncoding: string | null = null;
  let retryAfter: string | null = null;
  let retryAfterMs: string | null = null;
  let shouldRetry: string | null = null;
  let listed: string | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (name) {
      case 'content-type':
        contentType = value;
        break;
      case 'content-encoding':
        contentEncoding = value.toLowerCase() === 'identity' ? null : value;
        break;
      case 'retry-after':
        retryAfter = value;
        break;
      case 'retry-after-ms':
        retryAfterMs = value;
        break;
      case 'x-should-retry':
        shouldRetry = value;
        break;
      case 'connection':
        listed = value;
        break;
    }
    if (!DROPPED.has(name) && !name.startsWith('access-control-')) forward.push(name, value);
  }
  if (listed !== null) dropListed(forward, listed);
  return { forward, contentType, contentEncoding, retryAfter, retryAfterMs, shouldRetry };
}

function dropListed(headers: string[], listed: string): void {
  const names = listed.split(',').map((name) => name.trim().toLowerCase());
  if (names.every((name) => name === 'keep-alive' || name === 'close' || name === '')) return;
  for (let i = headers.length - 2; i >= 0; i -= 2) if (names.includes(headers[i] as string)) headers.splice(i, 2);
}
