import { mix } from './shingles.ts';
import { SKETCH_SIZE } from './sketch.ts';

/** How signatures are cut: `bands` groups of `rows` values each. Two that agree on a whole band are candidates. */
export interface Banding {
  readonly bands: number;
  readonly rows: number;
}

/** P(two sets of this Jaccard similarity become candidates) = 1 − (1 − sʳ)ᵇ. */
export function candidateProbability(similarity: number, { bands, rows }: Banding): number {
  return 1 - (1 - similarity ** rows) ** bands;
}

/**
 * The longest bands, and so the fewest false candidates, with which a pair at the threshold is missed at most once in 1,000. Throws
 * RangeError for a threshold outside (0, 1].
 */
export function bandingFor(threshold: number, size: number = SKETCH_SIZE): Banding {
  if (!(threshold > 0 && threshold <= 1)) throw new RangeError('The threshold must be above 0 and at most 1.');
  for (let rows = Math.min(16, size); rows > 1; rows -= 1) {
    const banding = { bands: Math.floor(size / rows), rows };
    if (1 - candidateProbability(threshold, banding) <= 0.001) return banding;
  }
  return { bands: size, rows: 1 };
}

const NONE = -1;

/**
 * Finds earlier signatures that share a band with a new one. Holds no signatures: 8 bytes per band and entry in flat arrays, so a
 * million entries at a threshold of 0.8 take about 200 MB where maps of lists would take gigabytes.
 */
export class LshIndex {
  readonly banding: Banding;
  #size = 0;
  /** Open addressing over (band, key): the newest entry of each bucket. */
  #heads = new Int32Array(1 << 12).fill(NONE);
  #buckets = 0;
  /** Key of each (entry, band), and the entry before it in its bucket. */
  #keys: Uint32Array;
  #before: Int32Array;
  /** When each entry was last seen as a candidate, so that one found in several bands is told once. */
  #seen = new Int32Array(1 << 10);
  #question = 0;

  constructor(banding: Banding) {
    this.banding = banding;
    this.#keys = new Uint32Array(banding.bands << 10);
    this.#before = new Int32Array(banding.bands << 10);
  }

  /** Entries so far; the next one gets this number. */
  get size(): number {
    return this.#size;
  }

  /** Tells the numbers of the entries that share a band with this signature, each once, until `visit` returns true. */
  candidates(signature: Uint32Array, visit: (entry: number) => unknown): void {
    this.#question += 1;
    const { bands } = this.banding;
    for (let band = 0; band < bands; band += 1) {
      const slot = this.#slotOf(band, this.#keyOf(signature, band));
      for (let cell = this.#heads[slot]!; cell !== NONE; cell = this.#before[cell]!) {
        const entry = Math.floor(cell / bands);
        if (this.#seen[entry] === this.#question) continue;
        this.#seen[entry] = this.#question;
        if (visit(entry) === true) return;
      }
    }
  }

  /** Adds a signature and returns its number. */
  add(signature: Uint32Array): number {
    const entry = this.#size;
    this.#size += 1;
    const { bands } = this.banding;
    if (this.#size > this.#seen.length) this.#grow();
    for (let band = 0; band < bands; band += 1) {
      const cell = entry * bands + band;
      const key = this.#keyOf(signature, band);
      this.#keys[cell] = key;
      const slot = this.#slotOf(band, key);
      const head = this.#heads[slot]!;
      this.#before[cell] = head;
      this.#heads[slot] = cell;
      if (head === NONE) {
        this.#buckets += 1;
        if (this.#buckets * 3 > this.#heads.length * 2) this.#rehash();
      }
    }
    return entry;
  }

  #keyOf(signature: Uint32Array, band: number): number {
    const { rows } = this.banding;
    let key = band + 1;
    for (let i = band * rows; i < (band + 1) * rows; i += 1) key = mix(Math.imul(key, 0x9e3779b1) ^ signature[i]!);
    return key;
  }

  /** The bucket of a key of a band: the one that holds it, or the empty one where it goes. */
  #slotOf(band: number, key: number): number {
    const mask = this.#heads.length - 1;
    for (let slot = key & mask; ; slot = (slot + 1) & mask) {
      const head = this.#heads[slot]!;
      if (head === NONE || (this.#keys[head] === key && head % this.banding.bands === band)) return slot;
    }
  }

  #grow(): void {
    this.#seen = widened(this.#seen, new Int32Array(this.#seen.length * 2));
    this.#keys = widened(this.#keys, new Uint32Array(this.#keys.length * 2));
    this.#before = widened(this.#before, new Int32Array(this.#before.length * 2));
  }

  #rehash(): void {
    const old = this.#heads;
    this.#heads = new Int32Array(old.length * 2).fill(NONE);
    const mask = this.#heads.length - 1;
    for (const head of old) {
      if (head === NONE) continue;
      let slot = this.#keys[head]! & mask;
      while (this.#heads[slot] !== NONE) slot = (slot + 1) & mask;
      this.#heads[slot] = head;
    }
  }
}

function widened<T extends Int32Array | Uint32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
