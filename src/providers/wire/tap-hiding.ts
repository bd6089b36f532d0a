import { isList, isObject, parseJson } from '../codecs/shape.ts';
import type { SseFrame } from '../sse/index.ts';
import { JsonShapeError, type Member, scanMembers, skipValue } from './json-members.ts';
import { valueAfter } from './json-text.ts';
import { type Edit, splice } from './splice.ts';
import type { TapOptions } from './tap-types.ts';

const USAGE = '"usage"';
const LOGPROBS = '"logprobs"';
const LAST_NULL_USAGE = Buffer.from(',"usage":null');
const LOGPROBS_BYTES = Buffer.from(LOGPROBS);

/** What goes on to the client in place of a frame: its own bytes, a copy without what is hidden, or null for nothing at all. */
export function hideInFrame(frame: SseFrame, raw: Buffer, options: TapOptions): Buffer | null {
  const { data } = frame;
  const edits: Edit[] = [];
  if (options.hideUsage) {
    const at = valueAfter(data, USAGE);
    if (at !== -1 && data.charCodeAt(at) === 0x7b && isUsageOnly(data)) return null;
    if (at !== -1 && data.startsWith('null', at)) edits.push(...withoutNullUsage(raw));
  }
  if (options.hideLogprobs && data.includes(LOGPROBS)) edits.push(...hiddenLogprobs(raw, options));
  return splice(raw, edits);
}

/** A chunk that exists only to report usage: it has no choices, or an empty list of them, and is no error. */
function isUsageOnly(data: string): boolean {
  const json = parseJson(data);
  if (!isObject(json) || !isObject(json.usage)) return false;
  if (json.error !== undefined && json.error !== null) return false;
  return json.choices === undefined || json.choices === null || (isList(json.choices) && json.choices.length === 0);
}

/** Takes out `"usage":null` with one of the commas beside it. Nothing where the JSON does not lie in one piece. */
function withoutNullUsage(raw: Buffer): Edit[] {
  // Nearly every server writes it last: what stands right before the closing brace of the frame is a member of the frame's object.
  const closing = raw.lastIndexOf(0x7d);
  const start = closing - LAST_NULL_USAGE.length;
  if (start > 0 && raw.compare(LAST_NULL_USAGE, 0, LAST_NULL_USAGE.length, start, closing) === 0)
    return [{ start, end: closing, text: '' }];
  const members = membersIn(raw);
  const at = members.findIndex((member) => member.key === 'usage' && raw.toString('latin1', member.valueStart, member.valueEnd) === 'null');
  const member = members[at];
  if (!member) return [];
  const next = members[at + 1];
  const before = members[at - 1];
  if (next) return [{ start: member.keyStart, end: next.keyStart, text: '' }];
  return [{ start: before ? before.valueEnd : member.keyStart, end: member.valueEnd, text: '' }];
}

function membersIn(raw: Buffer): Member[] {
  const start = raw.indexOf(0x7b);
  const end = raw.lastIndexOf(0x7d) + 1;
  if (start === -1 || end <= start) return [];
  try {
    return scanMembers(raw, start, end);
  } catch (error) {
    if (error instanceof JsonShapeError) return [];
    throw error;
  }
}

/** Edits that turn every list or object of log-probabilities into what the protocol has for nobody asked: null, in Responses an empty list. */
export function hiddenLogprobs(bytes: Buffer, options: TapOptions): Edit[] {
  const nothing = options.protocol === 'openai-responses' ? '[]' : 'null';
  const edits: Edit[] = [];
  let at = bytes.indexOf(LOGPROBS_BYTES);
  while (at !== -1) {
    let value = skipSpace(bytes, at + LOGPROBS_BYTES.length);
    let next = at + 1;
    if (bytes[value] === 0x3a) {
      value = skipSpace(bytes, value + 1);
      if (bytes[value] === 0x7b || bytes[value] === 0x5b) {
        const end = valueEnd(bytes, value);
        if (end === -1) break;
        edits.push({ start: value, end, text: nothing });
        next = end;
      }
    }
    at = bytes.indexOf(LOGPROBS_BYTES, next);
  }
  return edits;
}

function valueEnd(bytes: Buffer, from: number): number {
  try {
    return skipValue(bytes, from, bytes.length);
  } catch (error) {
    if (error instanceof JsonShapeError) return -1;
    throw error;
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at += 1;
  return at;
}
