import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** How to undo each coding of a body as it comes. Zstandard is there where this version of Node has it. */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => zlib.createGunzip()],
  ['x-gzip', () => zlib.createGunzip()],
  ['deflate', () => zlib.createInflate()],
  ['br', () => zlib.createBrotliDecompress()],
  ...('createZstdDecompress' in zlib ? [['zstd', zlib.createZstdDecompress as () => Transform] as const] : []),
]);

/** The same for bytes that are there at once; of bytes that were cut off, what there is. */
const READERS: ReadonlyMap<string, (bytes: Buffer, maxOutputLength: number) => Buffer> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', (bytes, maxOutputLength) => zlib.inflateSync(bytes, { maxOutputLength, finishFlush: zlib.constants.Z_SYNC_FLUSH })],
  [
    'br',
    (bytes, maxOutputLength) => zlib.brotliDecompressSync(bytes, { maxOutputLength, finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  ],
]);

function gunzip(bytes: Buffer, maxOutputLength: number): Buffer {
  return zlib.gunzipSync(bytes, { maxOutputLength, finishFlush: zlib.constants.Z_SYNC_FLUSH });
}

/** The names of the codings (RFC 9110 §8.4.1) that can be undone, but for old names of the same. */
export const CODINGS: readonly string[] = [...DECODERS.keys()].filter((name) => !name.startsWith('x-'));

/** What undoes a coding; null for one that is not known, and for several. */
export function decoderOf(coding: string): Transform | null {
  return DECODERS.get(nameOf(coding))?.() ?? null;
}

/** What bytes of a coding say, as far as they came; null for a coding that is not known, broken bytes, and more than `limit` of them. */
export function decompressed(coding: string, bytes: Buffer, limit: number): Buffer | null {
  try {
    return READERS.get(nameOf(coding))?.(bytes, limit) ?? null;
  } catch {
    return null;
  }
}

function nameOf(coding: string): string {
  return coding.trim().toLowerCase();
}
