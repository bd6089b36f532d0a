import { HashIndex } from '../hashing/index.ts';
import { FeatureReader } from './features.ts';
import { Gazetteer } from './gazetteer.ts';
import type { LocatedRow } from './located-row.ts';

/** Rows as numbered features, read once before many passes over them. */
export interface Corpus {
  readonly index: HashIndex;
  /** Kind of each feature, by its number. */
  readonly templates: Uint8Array;
  readonly gazetteer: Gazetteer;
  /** Tokens of row r are numbered from `rowStarts[r]` to before `rowStarts[r + 1]`. */
  readonly rowStarts: Int32Array;
  /** Features of token t lie from `tokenStarts[t]` to before `tokenStarts[t + 1]`. */
  readonly tokenStarts: Int32Array;
  /** Text-wide features of row r lie from `bagStarts[r]` to before `bagStarts[r + 1]` in `bag`. */
  readonly bagStarts: Int32Array;
  readonly features: Int32Array;
  readonly bag: Int32Array;
}

/** Reads rows into features. Each row's own values are out of the gazetteer while it is read. */
export function buildCorpus(rows: readonly LocatedRow[], fields: number): Corpus {
  const reader = new FeatureReader();
  const gazetteer = new Gazetteer(fields);
  const own = rows.map((row) => phrasesOf(row, reader, gazetteer));
  const index = new HashIndex(1 << 16);
  const features = new Numbers();
  const bag = new Numbers();
  const tokenStarts = new Numbers();
  const templates = new Numbers();
  const rowStarts = new Int32Array(rows.length + 1);
  const bagStarts = new Int32Array(rows.length + 1);
  const intern = (at: number) => {
    const id = index.intern(reader.hashes[at]!);
    if (id === templates.size) templates.push(reader.templates[at]!);
    return id;
  };
  rows.forEach((row, r) => {
    for (const [phrase, field] of own[r]!) gazetteer.adjust(phrase, field, -1);
    reader.read(row.text, gazetteer);
    for (const [phrase, field] of own[r]!) gazetteer.adjust(phrase, field, 1);
    const { size } = reader.tokens;
    for (let i = 0; i < size; i += 1) {
      tokenStarts.push(features.size);
      for (let at = reader.offsets[i]!; at < reader.offsets[i + 1]!; at += 1) features.push(intern(at));
    }
    for (let at = reader.offsets[size]!; at < reader.bagEnd; at += 1) bag.push(intern(at));
    rowStarts[r + 1] = tokenStarts.size;
    bagStarts[r + 1] = bag.size;
  });
  tokenStarts.push(features.size);
  return {
    index,
    templates: Uint8Array.from(templates.view()),
    gazetteer,
    rowStarts,
    bagStarts,
    tokenStarts: tokenStarts.view(),
    features: features.view(),
    bag: bag.view(),
  };
}

/** Adds a row's values to the gazetteer, each once, and tells which they are. */
function phrasesOf(row: LocatedRow, reader: FeatureReader, gazetteer: Gazetteer): readonly (readonly [number, number])[] {
  reader.tokens.read(row.text);
  const phrases = new Map<string, readonly [number, number]>();
  for (const { field, spans } of row.values) {
    const span = spans[0];
    if (!span) continue;
    const phrase = gazetteer.add(reader.tokens.lower, span.from, span.to, field);
    if (phrase < 0) continue;
    const key = `${phrase} ${field}`;
    if (phrases.has(key)) gazetteer.adjust(phrase, field, -1);
    phrases.set(key, [phrase, field]);
  }
  return [...phrases.values()];
}

/** A growing list of whole numbers. */
class Numbers {
  size = 0;
  #data = new Int32Array(4096);

  push(value: number): void {
    if (this.size === this.#data.length) {
      const more = new Int32Array(this.#data.length * 2);
      more.set(this.#data);
      this.#data = more;
    }
    this.#data[this.size] = value;
    this.size += 1;
  }

  view(): Int32Array {
    return this.#data.slice(0, this.size);
  }
}
