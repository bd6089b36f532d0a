import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

/** How to undo a coding. */
interface Decoding {
  /** As bytes come. */
  readonly open: () => Transform;
  /** At once; of bytes that were cut off, what there is. Throws for broken bytes and for more than `maxOutputLength`. */
  readonly read: (bytes: Buffer, maxOutputLength: number) => Buffer;
}

const { constants } = zlib;
const GZIP: Decoding = {
  open: () => zlib.createGunzip(),
  read: (bytes, maxOutputLength) => zlib.gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
};

const DECODINGS: ReadonlyMap<string, Decoding> = new Map<string, Decoding>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  [
    'deflate',
    {
      open: () => zlib.createInflate(),
      read: (bytes, maxOutputLength) => zlib.inflateSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
    },
  ],
  [
    'br',
    {
      open: () => zlib.createBrotliDecompress(),
      read: (bytes, maxOutputLength) =>
        zlib.brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    },
  ],
  ...zstandard(),
]);

/** Zstandard, where this version of Node has it; the types are those of the oldest that we promise, which has not. */
function zstandard(): readonly (readonly [string, Decoding])[] {
  const { createZstdDecompress, zstdDecompressSync } = zlib as unknown as Partial<Zstandard>;
  if (createZstdDecompress === undefined || zstdDecompressSync === undefined) return [];
  const { ZSTD_e_flush: finishFlush } = constants as unknown as { readonly ZSTD_e_flush: number };
  return [
    ['zstd', { open: createZstdDecompress, read: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength, finishFlush }) }],
  ];
}

interface Zstandard {
  readonly createZstdDecompress: () => Transform;
  readonly zstdDecompressSync: (bytes: Buffer, options: { readonly maxOutputLength: number; readonly finishFlush: number }) => Buffer;
}

/** The names of the codings (RFC 9110 §8.4.1) that can be undone, but for old names of the same. */
export const CODINGS: readonly string[] = [...DECODINGS.keys()].filter((name) => !name.startsWith('x-'));

/** What undoes a coding; null for one that is not known, and for several. */
export function decoderOf(coding: string): Transform | null {
  return DECODINGS.get(nameOf(coding))?.open() ?? null;
}

/** What bytes of a coding say, as far as they came; null for a coding that is not known, broken bytes, and more than `limit` of them. */
export function decompressed(coding: string, bytes: Buffer, limit: number): Buffer | null {
  try {
    return DECODINGS.get(nameOf(coding))?.read(bytes, limit) ?? null;
  } catch {
    return null;
  }
}

function nameOf(coding: string): string {
  return coding.trim().toLowerCase();
}
