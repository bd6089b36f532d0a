import type { Json } from '../../core/index.ts';
import { firstElement, JsonShapeError, lastMember, type Member, nextElement, scanObject, skipValue } from '../wire/json-members.ts';

/** Where an input of a tool stands on Anthropic's wire: in a request, a whole answer and an event. `*` is each element of a list. */
const PLACES: readonly (readonly string[])[] = [
  ['messages', '*', 'content', '*', 'input'],
  ['content', '*', 'input'],
  ['content_block', 'input'],
];

/** Inputs of tools as they were written: a parser rounds large numbers and keeps one of two equal keys. They go with the parsed values. */
const written = new WeakMap<object, string>();

/** Whether a text may hold a call of a tool whose arguments are no text of their own. */
export function mayHoldInputs(json: string): boolean {
  return json.includes('"tool_use"');
}

/** Keeps how the inputs of tools in a parsed body were written. `bytes` are the body's. */
export function keepInputs(parsed: Json, bytes: Buffer): void {
  try {
    for (const path of PLACES) keepAt({ value: parsed, bytes, start: 0 }, path);
  } catch (error) {
    // Nested deeper than the scanner goes, say: what was parsed stands for itself.
    if (!(error instanceof JsonShapeError)) throw error;
  }
}

/** The arguments of a call of a tool, from a parsed input: as they were written where that is known; `{}` for none. */
export function inputText(input: Json | undefined): string {
  const kept = typeof input === 'object' && input !== null ? written.get(input) : undefined;
  return kept ?? JSON.stringify(input ?? {});
}

/** A parsed value and where its text begins. */
interface Place {
  readonly value: unknown;
  readonly bytes: Buffer;
  readonly start: number;
}

function keepAt({ value, bytes, start }: Place, [step, ...rest]: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (step === undefined) {
    written.set(value, bytes.toString('utf8', start, skipValue(bytes, start, bytes.length)));
  } else if (step === '*') {
    if (!Array.isArray(value)) return;
    let at = firstElement(bytes, start, bytes.length);
    for (const element of value) {
      keepAt({ value: element, bytes, start: at }, rest);
      at = nextElement(bytes, skipValue(bytes, at, bytes.length), bytes.length);
    }
  } else if (Object.hasOwn(value, step) && !Array.isArray(value)) {
    const members: Member[] = [];
    scanObject(bytes, start, bytes.length, members);
    const member = lastMember(members, step);
    if (member) keepAt({ value: (value as Record<string, unknown>)[step], bytes, start: member.valueStart }, rest);
  }
}
