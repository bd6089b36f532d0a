import { NotHttp } from './errors.ts';

/** How a body ends: there is none, after so many bytes, with its last chunk, or with the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** Name, value, name, value; names in lower case. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** Of a body framed by its length; 0 otherwise. */
  readonly length: number;
  /** Whether the connection can take another request after this answer, and for how long it will stay open by its own word. */
  readonly staysOpen: boolean;
  readonly idleMs: number | null;
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 §5.5: visible characters, spaces, tabs and obs-text. A bare CR, LF or NUL would let one header pass for two. */
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;
const DIGITS = /^\d{1,15}$/;

// Servers send the same few names again and again; the table is bounded because names come from outside.
const names = new Map<string, string>();
const MAX_NAMES = 1024;

/**
 * Reads a head without its empty line (RFC 9112 §2–6), as strictly as a client can: folded lines, bare line feeds, lengths that
 * contradict each other and codings other than chunked are errors and never guesses. Throws NotHttp.
 */
export function readAnswerHead(text: string, isAnswerToHead: boolean): AnswerHead {
  let end = text.indexOf('\r\n');
  const line = end === -1 ? text : text.slice(0, end);
  const match = STATUS_LINE.exec(line);
  if (match === null) throw new NotHttp('it begins with no status line');
  const status = Number(match[2]);
  const headers: string[] = [];
  let length: string | null = null;
  let coding: string | null = null;
  let staysOpen = match[1] === '1';
  let idleMs: number | null = null;
  while (end !== -1) {
    const start = end + 2;
    end = text.indexOf('\r\n', start);
    const stop = end === -1 ? text.length : end;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= stop) throw new NotHttp('a header has no colon');
    const name = headerName(text.slice(start, colon));
    const value = trimmed(text, colon + 1, stop);
    if (FORBIDDEN.test(value)) throw new NotHttp(`the header ${name} holds a control character`);
    headers.push(name, value);
    switch (name) {
      case 'content-length':
        if (length !== null && length !== value) throw new NotHttp('it has two lengths');
        length = value;
        break;
      case 'transfer-encoding':
        coding = coding === null ? value.toLowerCase() : `${coding},${value}`;
        break;
      case 'connection':
        staysOpen = isListed(value, 'close') ? false : staysOpen || isListed(value, 'keep-alive');
        break;
      case 'keep-alive':
        idleMs = idleOf(value);
        break;
    }
  }
  if (length !== null && !DIGITS.test(length)) throw new NotHttp('its length is no number');
  if (coding !== null && (coding !== 'chunked' || length !== null)) throw new NotHttp('its transfer coding is none that can be read');
  const hasNone = isAnswerToHead || status < 200 || status === 204 || status === 304;
  const framing: Framing = hasNone ? 'none' : coding !== null ? 'chunked' : length !== null ? 'length' : 'close';
  return {
    status,
    headers,
    framing: framing === 'length' && length === '0' ? 'none' : framing,
    length: framing === 'length' ? Number(length) : 0,
    staysOpen: staysOpen && framing !== 'close',
    idleMs,
  };
}

/** Without the optional white space around it, which is spaces and tabs and nothing else. */
function trimmed(text: string, start: number, stop: number): string {
  let from = start;
  let to = stop;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function headerName(raw: string): string {
  const known = names.get(raw);
  if (known !== undefined) return known;
  if (!TOKEN.test(raw)) throw new NotHttp('the name of a header is none');
  const name = raw.toLowerCase();
  if (names.size < MAX_NAMES) names.set(raw, name);
  return name;
}

function isListed(value: string, option: string): boolean {
  if (value === option) return true;
  return value
    .toLowerCase()
    .split(',')
    .some((part) => part.trim() === option);
}

/** `timeout=5, max=100`: in seconds. */
function idleOf(value: string): number | null {
  const match = /(?:^|[\s,])timeout=(\d{1,6})(?:$|[\s,])/i.exec(value);
  return match === null ? null : Number(match[1]) * 1000;
}
