import { setImmediate as pause } from 'node:timers/promises';
import type { LlamaModel } from './engine-types.ts';

/** Tokens that are looked up before others get a turn: a vocabulary has up to some hundred thousand. */
const LOOKED_UP_AT_ONCE = 2_000;

/** The tokens of a model by the text that each adds within an answer. */
export interface Vocabulary {
  readonly byText: ReadonlyMap<string, readonly number[]>;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  readonly longest: number;
}

/** Reads a model's vocabulary, without holding up what else this process does. Tokens of half a character are left out. */
export async function readVocabulary(model: LlamaModel): Promise<Vocabulary> {
  const byText = new Map<string, number[]>();
  const ends: number[] = [];
  let longest = 0;
  let count = 0;
  // Within a text, where a leading space is part of the token and not of the beginning.
  const before = model.tokenize('a').slice(-1);
  for (const token of model.iterateAllTokens()) {
    count += 1;
    if (count % LOOKED_UP_AT_ONCE === 0) await pause();
    if (model.isEogToken(token)) {
      ends.push(token);
      continue;
    }
    const text = model.detokenize([token], false, before);
    if (text === '' || text.includes('\uFFFD')) continue;
    byText.set(text, [...(byText.get(text) ?? []), token]);
    longest = Math.max(longest, text.length);
  }
  return { byText, ends, longest };
}

/** A token that may come next. `text` is null for one that ends the answer. */
export interface Choice {
  readonly token: number;
  readonly text: string | null;
}

/** Which tokens may come next so that an answer becomes one of the labels: the same language as `labelGrammar`, without a parser. */
export class LabelTokens {
  readonly #vocabulary: Vocabulary;
  /** Each label as it is and after one space, as tokenizers of some models begin a text. */
  readonly #spellings: readonly { readonly label: string; readonly text: string }[];
  readonly #spellable = new Map<string, boolean>([['', true]]);

  constructor(vocabulary: Vocabulary, labels: readonly string[]) {
    this.#vocabulary = vocabulary;
    this.#spellings = [...new Set(labels)].flatMap((label) => [
      { label, text: label },
      { label, text: ` ${label}` },
    ]);
  }

  /** Whether the vocabulary can spell every label; where it needs bytes for one, a grammar must do it. */
  get isComplete(): boolean {
    return this.#spellings.every(({ label }) => this.#canSpell(label));
  }

  /** What is left to say when only one label begins so; null while several do. */
  rest(said: string): string | null {
    const open = this.#open(said);
    const [first] = open;
    if (first === undefined || open.some(({ label }) => label !== first.label)) return null;
    return first.text.slice(said.length);
  }

  /** The tokens that may come after what was said, each once. */
  choices(said: string): readonly Choice[] {
    const found = new Map<number, string | null>();
    for (const { text } of this.#open(said)) {
      const rest = text.slice(said.length);
      if (rest === '') for (const token of this.#vocabulary.ends) found.set(token, null);
      for (const piece of this.#piecesOf(rest)) {
        for (const token of this.#vocabulary.byText.get(piece) ?? []) found.set(token, piece);
      }
    }
    return [...found].map(([token, text]) => ({ token, text }));
  }

  #open(said: string): readonly { readonly label: string; readonly text: string }[] {
    return this.#spellings.filter(({ text }) => text.startsWith(said));
  }

  /** Beginnings of a text that are tokens and leave something that can be spelled. */
  #piecesOf(rest: string): readonly string[] {
    const pieces: string[] = [];
    for (let length = 1; length <= Math.min(rest.length, this.#vocabulary.longest); length += 1) {
      const piece = rest.slice(0, length);
      if (this.#vocabulary.byText.has(piece) && this.#canSpell(rest.slice(length))) pieces.push(piece);
    }
    return pieces;
  }

  #canSpell(text: string): boolean {
    const known = this.#spellable.get(text);
    if (known !== undefined) return known;
    const can = this.#piecesOf(text).length > 0;
    this.#spellable.set(text, can);
    return can;
  }
}
