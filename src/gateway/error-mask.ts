import { JsonShapeError, type Member, scanMembers } from '../providers/index.ts';
import { withoutAccountIds } from './account-ids.ts';

const QUOTED_ERROR = Buffer.from('"error"');
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** What may stand before an object that is not a part of another: the name of a field of a stream, and a list around it. */
const BEFORE_OBJECT = /^(?:data:)?[\s[]*$/;

/** What became of bytes that may hold an error. */
export interface Masked {
  /** The same buffer where nothing was to mask. */
  readonly bytes: Buffer;
  /** They speak of an error, but are no JSON object: what follows may belong to it. */
  readonly isOpen: boolean;
}

/**
 * A JSON object, whatever stands around it, without the account's ids in its error: in its member `error`, or in that of its `response`,
 * or everywhere where the object itself is the error. What else an answer holds is the client's own. `isError`: it is known to be one.
 */
export function maskError(bytes: Buffer, isError: boolean): Masked {
  if (!isError && !bytes.includes(QUOTED_ERROR)) return { bytes, isOpen: false };
  const members = BEFORE_OBJECT.test(bytes.toString('latin1', 0, bytes.indexOf(OPEN_BRACE))) ? membersIn(bytes) : null;
  if (members === null) return { bytes: withoutAccountIds(bytes), isOpen: true };
  const errors = errorsAmong(bytes, members);
  if (errors.length > 0) return { bytes: maskedAt(bytes, errors), isOpen: false };
  const isWhole = isError || members.some(({ key, valueStart, valueEnd }) => isErrorWord(key, bytes.subarray(valueStart, valueEnd)));
  return { bytes: isWhole ? withoutAccountIds(bytes) : bytes, isOpen: false };
}

/** `"type":"error"` of Anthropic and of Responses, `"object":"error"` of older engines. */
function isErrorWord(key: string, value: Buffer): boolean {
  return (key === 'type' || key === 'object') && value.equals(QUOTED_ERROR);
}

/** The members of the object in these bytes; null where there is no whole one. */
function membersIn(bytes: Buffer, start = bytes.indexOf(OPEN_BRACE), end = bytes.lastIndexOf(CLOSE_BRACE) + 1): Member[] | null {
  if (start === -1 || end <= start) return null;
  try {
    return scanMembers(bytes, start, end);
  } catch (error) {
    if (error instanceof JsonShapeError) return null;
    throw error;
  }
}

/** The errors of an object, in order: of answers of Responses too, which lie inside the frames of a stream. */
function errorsAmong(bytes: Buffer, members: readonly Member[]): readonly Member[] {
  return members.flatMap((member) => {
    if (member.key === 'error') return [member];
    if (member.key !== 'response' || bytes[member.valueStart] !== OPEN_BRACE) return [];
    const inner = membersIn(bytes, member.valueStart, member.valueEnd) ?? [];
    return inner.filter(({ key }) => key === 'error');
  });
}

function maskedAt(bytes: Buffer, places: readonly Member[]): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  let isChanged = false;
  for (const { valueStart, valueEnd } of places) {
    const value = bytes.subarray(valueStart, valueEnd);
    const masked = withoutAccountIds(value);
    isChanged ||= masked !== value;
    pieces.push(bytes.subarray(from, valueStart), masked);
    from = valueEnd;
  }
  return isChanged ? Buffer.concat([...pieces, bytes.subarray(from)]) : bytes;
}
