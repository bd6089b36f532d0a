import { HashIndex } from '../hashing/index.ts';
import { BLOCKS, FeatureScanner } from './feature-scanner.ts';

const B = BLOCKS.length;

/** Texts as bags of numbered features, scanned once and then weighted anew for every fold. */
export interface Corpus {
  readonly documents: number;
  /** Hash of each feature, by its number. */
  readonly hashes: Int32Array;
  /** Block of each feature, by its number. */
  readonly blocks: Uint8Array;
  /** Features of block b of document d lie from `offsets[3 d + b]` to before `offsets[3 d + b + 1]`. */
  readonly offsets: Int32Array;
  readonly features: Int32Array;
  /** How often the feature stands in its document. */
  readonly counts: Uint16Array;
}

/** Scans texts into bags of features; features are numbered as they first appear. */
export function buildCorpus(texts: readonly string[], onProgress?: (done: number) => void): Corpus {
  const scanner = new FeatureScanner();
  const table = new HashIndex(65_536);
  const builder = new BagBuilder();
  const offsets = new Int32Array(texts.length * B + 1);
  let hashes = new Int32Array(65_536);
  let blocks = new Uint8Array(65_536);
  for (let document = 0; document < texts.length; document += 1) {
    scanner.scan(texts[document]!);
    for (let block = 0; block < B; block += 1) {
      builder.startBag();
      for (let i = scanner.starts[block]!; i < scanner.starts[block + 1]!; i += 1) {
        const hash = scanner.hashes[i]!;
        const feature = table.intern(hash);
        if (feature >= hashes.length) {
          const more = new Int32Array(hashes.length * 2);
          more.set(hashes);
          hashes = more;
          const moreBlocks = new Uint8Array(blocks.length * 2);
          moreBlocks.set(blocks);
          blocks = moreBlocks;
        }
        hashes[feature] = hash;
        blocks[feature] = block;
        builder.add(feature);
      }
      offsets[document * B + block + 1] = builder.size;
    }
    if (onProgress && ((document & 255) === 255 || document === texts.length - 1)) onProgress(document + 1);
  }
  return {
    documents: texts.length,
    hashes: hashes.slice(0, table.size),
    blocks: blocks.slice(0, table.size),
    offsets,
    features: builder.features.slice(0, builder.size),
    counts: builder.counts.slice(0, builder.size),
  };
}

/** Collects bags one after the other; `#seenAt` remembers where a feature stands in the current bag. */
class BagBuilder {
  features = new Int32Array(1 << 16);
  counts = new Uint16Array(1 << 16);
  size = 0;
  #bagStart = 0;
  #seenAt = new Int32Array(65_536).fill(-1);

  startBag(): void {
    this.#bagStart = this.size;
  }

  add(feature: number): void {
    if (feature >= this.#seenAt.length) {
      const bigger = new Int32Array(this.#seenAt.length * 2).fill(-1);
      bigger.set(this.#seenAt);
      this.#seenAt = bigger;
    }
    const at = this.#seenAt[feature]!;
    if (at >= this.#bagStart) {
      if (this.counts[at]! < 65_535) this.counts[at] = this.counts[at]! + 1;
      return;
    }
    if (this.size === this.features.length) this.#grow();
    this.#seenAt[feature] = this.size;
    this.features[this.size] = feature;
    this.counts[this.size] = 1;
    this.size += 1;
  }

  #grow(): void {
    const features = new Int32Array(this.features.length * 2);
    const counts = new Uint16Array(this.counts.length * 2);
    features.set(this.features);
    counts.set(this.counts);
    this.features = features;
    this.counts = counts;
  }
}
