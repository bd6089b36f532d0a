import { tokenShingles } from '../../similarity/index.ts';
import { leadingPart, maskTemplate } from '../../templates/index.ts';
import type { AuditCall } from '../types.ts';

/** What of a call is looked at to find its template: sorted sets of hashes of runs of three masked words. */
export interface PromptGrams {
  /** Names of tools and form of the answer: calls that differ in them are of different templates. */
  readonly shape: string;
  readonly system: Uint32Array;
  readonly user: Uint32Array;
  /** The hash that stands for the leading instruction of the user's message; null where there is none. */
  readonly lead: number | null;
  /** The hash that stands for the whole of a short system prompt, masked; null for a long one or none. */
  readonly whole: number | null;
  /** Hashes of the names before a colon that begin lines of the user's message: `Question:`, `Answer:`. */
  readonly keys: readonly number[];
}

interface SystemGrams {
  readonly grams: Uint32Array;
  readonly whole: number | null;
}

/** As much of a user's message as is looked at: instructions stand at its start or at its end. */
const USER_LENGTH = { head: 700, tail: 300 };
/** Of a system prompt more is looked at: what varies in it may be long. */
const SYSTEM_LENGTH = { head: 4_000, tail: 1_000 };
const RUN = { from: 3, to: 3 };
const CACHED_SYSTEMS = 2_000;
const NONE: SystemGrams = { grams: new Uint32Array(0), whole: null };
/** A system prompt of at most so many grams is short: one word of it may make another task. */
const SHORT = 12;
const LINE_KEY = /^[ \t]*([\p{L}][\p{L}\d ()/,_-]{1,60}):(?=\s|$)/gmu;
const MOST_KEYS = 12;

/** Turns calls into grams. Remembers the latest system prompts, which repeat from call to call. */
export class GramReader {
  readonly #systems = new Map<string, SystemGrams>();
  readonly #shapes = new WeakMap<object, string>();

  /** The grams of a call's system prompt alone; null where it has none. */
  readSystem(call: AuditCall): PromptGrams | null {
    if ((call.system ?? '').trim() === '') return null;
    const { grams, whole } = this.#systemGrams(call.system ?? '');
    return { shape: this.shapeOf(call), system: grams, user: NONE.grams, lead: null, whole, keys: [] };
  }

  /** The grams of a call; null where the log holds no prompt of it. */
  read(call: AuditCall): PromptGrams | null {
    const [user = ''] = call.userTexts;
    if ((call.system ?? '').trim() === '' && user.trim() === '') return null;
    const lead = leadingPart(user);
    const { grams, whole } = this.#systemGrams(call.system ?? '');
    return {
      shape: this.shapeOf(call),
      system: grams,
      user: user.trim() === '' ? NONE.grams : gramsOf(excerpt(user, USER_LENGTH)),
      lead: lead === '' ? null : markOf(LEAD, maskTemplate(lead)),
      whole,
      keys: lineKeys(excerpt(user, USER_LENGTH)),
    };
  }

  /** Names of the tools and the form of the answer, as one word. */
  shapeOf({ tools, responseFormat }: AuditCall): string {
    if (tools.length === 0 && responseFormat === null) return '';
    const known = typeof responseFormat === 'object' && responseFormat !== null ? this.#shapes.get(responseFormat) : undefined;
    const format = known ?? JSON.stringify(responseFormat);
    if (known === undefined && typeof responseFormat === 'object' && responseFormat !== null) this.#shapes.set(responseFormat, format);
    return `${[...new Set(tools)].sort().join(' ')}|${format}`;
  }

  #systemGrams(system: string): SystemGrams {
    if (system.trim() === '') return NONE;
    const known = this.#systems.get(system);
    if (known !== undefined) return known;
    const set = gramsOf(excerpt(system, SYSTEM_LENGTH));
    const grams: SystemGrams = { grams: set, whole: set.length <= SHORT ? markOf(WHOLE, maskTemplate(system)) : null };
    // Prompts that hold ids are never seen again: what is forgotten is the oldest.
    if (this.#systems.size >= CACHED_SYSTEMS) this.#systems.delete(this.#systems.keys().next().value ?? '');
    this.#systems.set(system, grams);
    return grams;
  }
}

/** One hash for a text as a whole, of a kind of its own. */
function markOf(kind: string, text: string): number {
  return tokenShingles([kind, text], { from: 2, to: 2 })[0] ?? 0;
}

function lineKeys(text: string): readonly number[] {
  const keys = new Set([...text.matchAll(LINE_KEY)].slice(0, MOST_KEYS).map(([, key]) => markOf(KEY, key ?? '')));
  return [...keys];
}

const LEAD = '\u0001lead';
const WHOLE = '\u0001whole';
const KEY = '\u0001key';
const BEGIN = '\u0001begin';

/** A text as a sorted set of hashes of runs of three masked words; its beginning counts as a word. */
export function gramsOf(text: string): Uint32Array {
  return tokenShingles([BEGIN, ...wordsOf(text)], RUN);
}

/** The hash of three words in a row, as `gramsOf` has it. */
export function tripleHash(words: readonly string[], at: number): number {
  return tokenShingles(words.slice(at, at + 3), RUN)[0] ?? 0;
}

/** The words of a text with what varies masked. */
export function wordsOf(text: string): readonly string[] {
  return maskTemplate(text)
    .split(/\s+/)
    .filter((word) => word !== '');
}

function excerpt(text: string, { head, tail }: { readonly head: number; readonly tail: number }): string {
  return text.length <= head + tail ? text : `${text.slice(0, head)}\n${text.slice(-tail)}`;
}
