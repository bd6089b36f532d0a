import { lastMember, type Member, scanMembers } from './json-members.ts';

/** Replaces the bytes from `start` to `end` by a text; an insertion has `start === end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The bytes with edits applied; everything between them is carried over untouched. Edits may come in any order but may not overlap. */
export function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const sorted = isSorted(edits) ? edits : [...edits].sort((a, b) => a.start - b.start);
  let length = bytes.length;
  for (const { start, end, text } of sorted) length += Buffer.byteLength(text) - (end - start);
  const spliced = Buffer.allocUnsafe(length);
  let from = 0;
  let at = 0;
  for (const { start, end, text } of sorted) {
    if (start < from) throw new RangeError('edits overlap');
    at = copy(bytes, from, start, spliced, at);
    at += spliced.write(text, at);
    from = end;
  }
  copy(bytes, from, bytes.length, spliced, at);
  return spliced;
}

function isSorted(edits: readonly Edit[]): boolean {
  let last = 0;
  for (const { start } of edits) {
    if (start < last) return false;
    last = start;
  }
  return true;
}

/** Copies the bytes from `start` to `end` and returns the offset after them. */
function copy(bytes: Buffer, start: number, end: number, to: Buffer, at: number): number {
  // What stands before the model's name is short: there a view of it would cost more than its bytes.
  if (end - start < 32) for (let i = start; i < end; i += 1) to[at + i - start] = bytes[i] as number;
  else bytes.copy(to, at, start, end);
  return at + end - start;
}

/** Edits that give every member of a name a new value, or one that inserts it first: a duplicate cannot smuggle the old value past us. */
export function setMember(bytes: Buffer, members: readonly Member[], key: string, json: string): Edit[] {
  const edits: Edit[] = [];
  for (const member of members) if (member.key === key) edits.push({ start: member.valueStart, end: member.valueEnd, text: json });
  if (edits.length > 0) return edits;
  const at = bytes.indexOf(0x7b) + 1;
  return [{ start: at, end: at, text: `${JSON.stringify(key)}:${json}${members.length > 0 ? ',' : ''}` }];
}

/** Edits that rewrite `model`. */
export function setModel(bytes: Buffer, members: readonly Member[], model: string): Edit[] {
  return setMember(bytes, members, 'model', JSON.stringify(model));
}

/** Edits that ask a stream for its usage; the other members of `stream_options` stay as they are. */
export function askForUsage(bytes: Buffer, members: readonly Member[]): Edit[] {
  const options = lastMember(members, 'stream_options');
  if (!options) return setMember(bytes, members, 'stream_options', '{"include_usage":true}');
  if (bytes[options.valueStart] !== 0x7b) return setMember(bytes, members, 'stream_options', '{"include_usage":true}');
  const inside = bytes.subarray(options.valueStart, options.valueEnd);
  const edits = setMember(inside, scanMembers(inside), 'include_usage', 'true');
  return edits.map((edit) => ({ start: edit.start + options.valueStart, end: edit.end + options.valueStart, text: edit.text }));
}

/** Several sets of edits on one body. Insertions at the same place are joined in order. */
export function joinEdits(...sets: readonly (readonly Edit[])[]): Edit[] {
  const joined: Edit[] = [];
  for (const set of sets) for (const edit of set) joinEdit(joined, edit);
  return joined;
}

function joinEdit(joined: Edit[], edit: Edit): void {
  const { start, end, text } = edit;
  if (start === end) {
    for (const [place, there] of joined.entries()) {
      if (there.start !== start || there.end !== end) continue;
      joined[place] = { start, end, text: `${there.text}${there.text.endsWith(',') ? '' : ','}${text}` };
      return;
    }
  }
  joined.push(edit);
}
