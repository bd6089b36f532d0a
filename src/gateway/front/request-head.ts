import type { IncomingHttpHeaders } from 'node:http';
import { ownCopy } from './own-copy.ts';

/** The head of a request whose body has a length, as nearly every request to a model has it. */
export interface RequestHead {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value; as they were written. */
  readonly rawHeaders: readonly string[];
  readonly bodyLength: number;
}

const REQUEST_LINE = /^POST (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Everything that a value does not hold in ordinary requests: control characters, tabs too, and bytes above ASCII. */
const UNUSUAL = /[^\x20-\x7e]/;
const LENGTH = /^[1-9]\d{0,8}$/;

/** What changes how a message is framed or answered, or must not be a property's name: all of it is node:http's to read. */
const RESERVED: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'trailer',
  'proxy-connection',
  'set-cookie',
  '__proto__',
]);

// Clients send the same few names again and again; the table is bounded because names come from outside.
const names = new Map<string, string | null>();
const MAX_NAMES = 1024;
/** Of names and values together: nobody's request has more, and node:http has a limit of its own. */
const MAX_PARTS = 256;

/**
 * Reads a head without its empty line. Null for everything that is not a plain POST with a length, written as RFC 9112 says it: what is
 * unusual, doubtful or wrong is not judged here but left to node:http.
 */
export function readRequestHead(text: string): RequestHead | null {
  let end = text.indexOf('\r\n');
  if (end === -1) return null;
  const url = REQUEST_LINE.exec(text.slice(0, end))?.[1];
  if (url === undefined) return null;
  const headers: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  while (end !== -1) {
    const start = end + 2;
    end = text.indexOf('\r\n', start);
    const stop = end === -1 ? text.length : end;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= stop) return null;
    const raw = text.slice(start, colon);
    const name = nameOf(raw);
    const line = text.slice(colon + 1, stop);
    // A name that comes twice has rules of its own, name by name.
    if (name === null || UNUSUAL.test(line) || headers[name] !== undefined) return null;
    // Of what is white to `trim`, only spaces have come this far.
    const value = line.trim();
    headers[name] = value;
    rawHeaders.push(raw, value);
  }
  if (rawHeaders.length > MAX_PARTS) return null;
  const { host, connection } = headers;
  const length = headers['content-length'];
  if (host === undefined || length === undefined || !LENGTH.test(length)) return null;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return null;
  return { url, headers, rawHeaders, bodyLength: Number(length) };
}

/** In lower case; null for one that is none, or that is not ours to read. */
function nameOf(raw: string): string | null {
  const known = names.get(raw);
  if (known !== undefined) return known;
  const lower = raw.toLowerCase();
  const name = NAME.test(raw) && !RESERVED.has(lower) ? lower : null;
  if (names.size < MAX_NAMES) names.set(ownCopy(raw), name === null ? null : ownCopy(name));
  return name;
}
