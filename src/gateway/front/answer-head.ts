import { STATUS_CODES } from 'node:http';
import { ownCopy } from './own-copy.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 §5.5: visible characters, spaces, tabs and obs-text. Anything else could end the line. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** What frames an answer and is not its author's to say. */
const FRAMING: ReadonlySet<string> = new Set(['transfer-encoding', 'keep-alive']);

// The same few names come again and again; the table is bounded because some come from outside. '' for those that are left out.
const names = new Map<string, string>();
const MAX_NAMES = 1024;

/** What an answer's headers say of its framing. */
export interface AnswerLines {
  /** The status line and the headers, each with its line end; without what frames the body, and without the empty line. */
  readonly text: string;
  /** A length is among them. */
  readonly hasLength: boolean;
  readonly closes: boolean;
}

/** Writes the head of an answer. `headers`: name, value, name, value. Throws TypeError for what no header can hold, RangeError for no status. */
export function writeAnswerLines(status: number, headers: readonly string[], keepAliveSeconds: number): AnswerLines {
  let text = statusLine(status);
  let hasLength = false;
  let hasDate = false;
  let closes = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const raw = headers[i] as string;
    const value = headers[i + 1] as string;
    const name = names.get(raw) ?? nameOf(raw);
    if (FORBIDDEN.test(value)) throw new TypeError(`The header ${name} holds what a header cannot hold.`);
    if (name === 'connection') {
      closes ||= value === 'close';
      continue;
    }
    if (name === '') continue;
    hasLength ||= name === 'content-length';
    hasDate ||= name === 'date';
    text += `${name}: ${value}\r\n`;
  }
  if (!hasDate) text += dateLine();
  text += closes ? 'connection: close\r\n' : `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n`;
  return { text, hasLength, closes };
}

/** Whether a status comes without a body (RFC 9110 §6.4.1). */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

function statusLine(status: number): string {
  if (!Number.isInteger(status) || status < 200 || status > 999) throw new RangeError(`${status} is no status of an answer.`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
}

function nameOf(raw: string): string {
  if (!NAME.test(raw)) throw new TypeError('The name of a header is none.');
  const lower = raw.toLowerCase();
  const name = FRAMING.has(lower) ? '' : lower;
  if (names.size < MAX_NAMES) names.set(ownCopy(raw), ownCopy(name));
  return name;
}

let dateText = '';
let dateSecond = -1;

/** Made once a second. */
function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
