import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readContainer, writeContainer } from '../container/index.ts';
import type { Embedder } from '../providers/index.ts';

/** Vectors by the hash of model and text: in a student's folder, so that training again pays for new texts only. Holds no text. */
export const VECTORS_FILE = 'vectors.bin';

/** Vectors that were paid for once. */
export type VectorCache = ReadonlyMap<string, Float32Array>;

/** Vectors of texts and what they took. */
export interface EmbeddedTexts {
  /** Of length 1 each, in the order of the texts. */
  readonly vectors: readonly Float32Array[];
  /** As the endpoint counted for this call; null where it did not say. */
  readonly inputTokens: number | null;
  /** Different texts that were asked for; the others were known. */
  readonly asked: number;
  /** Everything known now, for these texts only. */
  readonly cache: VectorCache;
}

/** Vectors of texts, each different text asked for once and none that the cache holds. Throws what the endpoint's call throws. */
export async function embedTexts(
  texts: readonly string[],
  embedder: Embedder,
  options: { readonly cache: VectorCache; readonly signal: AbortSignal | null; readonly onDone?: (done: number, total: number) => void },
): Promise<EmbeddedTexts> {
  const { cache, signal, onDone } = options;
  const keys = texts.map((text) => keyOf(embedder.model, text));
  const wanted = new Map<string, string>();
  for (const [i, key] of keys.entries()) if (!cache.has(key)) wanted.set(key, texts[i]!);
  const fresh = [...wanted.keys()];
  const answer =
    fresh.length === 0
      ? { vectors: [], inputTokens: 0 }
      : await embedder.embed([...wanted.values()], signal, (done) => onDone?.(done, fresh.length));
  const known = new Map(cache);
  for (const [i, key] of fresh.entries()) known.set(key, unit(answer.vectors[i]!));
  const used = new Map(keys.map((key) => [key, known.get(key)!]));
  return { vectors: keys.map((key) => used.get(key)!), inputTokens: answer.inputTokens, asked: fresh.length, cache: used };
}

/** The cache of a student's folder; empty where there is none that can be read. */
export async function readVectors(folder: string): Promise<VectorCache> {
  try {
    const { header, sections } = readContainer(await readFile(join(folder, VECTORS_FILE)));
    const [keys, values] = [header.keys, sections.get('vectors')];
    if (!Array.isArray(keys) || !(values instanceof Float32Array) || keys.length === 0) return new Map();
    const width = values.length / keys.length;
    return new Map(keys.map((key, i) => [String(key), values.slice(i * width, (i + 1) * width)]));
  } catch {
    // What cannot be read is asked for again: a cache is never worth a failed training.
    return new Map();
  }
}

/** A cache as the bytes of its file. */
export function vectorsFile(cache: VectorCache): Uint8Array {
  const keys = [...cache.keys()].sort();
  const width = cache.get(keys[0] ?? '')?.length ?? 0;
  const values = new Float32Array(keys.length * width);
  for (const [i, key] of keys.entries()) values.set(cache.get(key)!, i * width);
  return writeContainer({ kind: 'vectors', header: { keys }, sections: new Map([['vectors', values]]) });
}

function keyOf(model: string, text: string): string {
  return createHash('sha256').update(`${model}\u0000${text}`).digest('base64url').slice(0, 32);
}

/** A vector of length 1 in the same direction; one of zeros stays. */
export function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return squares === 0 ? vector : vector.map((value) => value / Math.sqrt(squares));
}
