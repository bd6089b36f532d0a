/** Part of a buffer. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

interface Entry<Value> {
  /** The bytes of all spans, one after the other. */
  readonly bytes: Buffer;
  readonly lengths: readonly number[];
  readonly value: Value;
  /** Asked for since it was last passed over. */
  isUsed: boolean;
}

export interface ByteCacheOptions {
  /** Bytes kept in all; 16 MiB unless given. */
  readonly maxBytes?: number;
  /** Longer keys are not kept; 512 KiB unless given. */
  readonly maxKeyBytes?: number;
}

/** Values of one hash: beyond this the oldest goes. A prompt whose date changes must not fill the cache with its days. */
const PER_BUCKET = 4;
const SAMPLES = 16;

/**
 * Values by spans of bytes. What was not asked for lately goes first (second chance). A key is found by its lengths and a few sampled bytes and then compared
 * whole, so that a hit costs about as much as memcmp and never a wrong value.
 */
export class ByteCache<Value> {
  readonly #maxBytes: number;
  readonly #maxKeyBytes: number;
  readonly #buckets = new Map<number, Entry<Value>[]>();
  #bytes = 0;

  constructor(options: ByteCacheOptions = {}) {
    this.#maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
    this.#maxKeyBytes = options.maxKeyBytes ?? 512 * 1024;
  }

  /** Bytes of the keys that are kept. */
  get size(): number {
    return this.#bytes;
  }

  /** The value of these spans; made, and kept, when it is not there. Whatever `make` throws is thrown and nothing is kept. */
  get(body: Buffer, spans: readonly ByteSpan[], make: () => Value): Value {
    const hash = sample(body, spans);
    const bucket = this.#buckets.get(hash);
    if (bucket !== undefined) {
      for (const entry of bucket) {
        if (!matches(entry, body, spans)) continue;
        entry.isUsed = true;
        return entry.value;
      }
    }
    const value = make();
    this.#keep(hash, copyOf(body, spans), value);
    return value;
  }

  #keep(hash: number, key: { readonly bytes: Buffer; readonly lengths: readonly number[] }, value: Value): void {
    if (key.bytes.length > this.#maxKeyBytes) return;
    const bucket = this.#buckets.get(hash) ?? [];
    this.#buckets.delete(hash);
    this.#buckets.set(hash, bucket);
    bucket.push({ ...key, value, isUsed: false });
    this.#bytes += key.bytes.length;
    if (bucket.length > PER_BUCKET) this.#bytes -= bucket.shift()?.bytes.length ?? 0;
    for (const [oldest, entries] of this.#buckets) {
      if (this.#bytes <= this.#maxBytes || this.#buckets.size === 1) break;
      this.#buckets.delete(oldest);
      const kept = entries.filter((entry) => entry.isUsed);
      for (const entry of entries) if (!entry.isUsed) this.#bytes -= entry.bytes.length;
      for (const entry of kept) entry.isUsed = false;
      if (kept.length > 0) this.#buckets.set(oldest, kept);
    }
  }
}

function copyOf(body: Buffer, spans: readonly ByteSpan[]): { readonly bytes: Buffer; readonly lengths: readonly number[] } {
  return {
    bytes: Buffer.concat(spans.map(({ start, end }) => body.subarray(start, end))),
    lengths: spans.map(({ start, end }) => end - start),
  };
}

function matches<Value>(entry: Entry<Value>, body: Buffer, spans: readonly ByteSpan[]): boolean {
  if (entry.lengths.length !== spans.length) return false;
  let at = 0;
  for (let i = 0; i < spans.length; i += 1) {
    const { start, end } = spans[i] as ByteSpan;
    const length = end - start;
    if (entry.lengths[i] !== length || body.compare(entry.bytes, at, at + length, start, end) !== 0) return false;
    at += length;
  }
  return true;
}

/** A number of 32 bits with a sign, which needs no box, from the lengths and bytes spread over each span. */
function sample(body: Buffer, spans: readonly ByteSpan[]): number {
  let hash = 2_166_136_261 | 0;
  for (const { start, end } of spans) {
    const length = end - start;
    hash = Math.imul(hash ^ length, 16_777_619);
    const step = Math.max(1, Math.floor(length / SAMPLES));
    for (let at = start; at < end; at += step) hash = Math.imul(hash ^ (body[at] as number), 16_777_619);
  }
  return hash;
}
