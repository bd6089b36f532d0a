import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { SmallfirstError } from '../core/index.ts';

/** How to undo each coding of a body. Zstandard is there where this version of Node has it. */
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

/** What bytes of a coding say, as far as they came; null for a coding that is not known, broken bytes, and more than `limit` of them. */
export function decompressed(coding: string, bytes: Buffer, limit: number): Buffer | null {
  try {
    return READERS.get(coding.trim().toLowerCase())?.(bytes, limit) ?? null;
  } catch {
    return null;
  }
}

/** Whether a request's body is compressed. */
export function isEncoded({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const coding = headers['content-encoding'];
  return coding !== undefined && coding.trim() !== '' && coding.trim().toLowerCase() !== 'identity';
}

/**
 * What undoes the coding of a request's body; null where it has none. What goes on is never compressed: it is read on its way, and who takes
 * it upstream may not know the coding. Throws REQUEST_INVALID for a coding that is not known, and for several.
 */
export function decoderOf(request: Pick<IncomingMessage, 'headers'>): Transform | null {
  if (!isEncoded(request)) return null;
  const decoder = DECODERS.get((request.headers['content-encoding'] ?? '').trim().toLowerCase());
  if (decoder !== undefined) return decoder();
  const known = [...DECODERS.keys()].filter((name) => !name.startsWith('x-')).join(', ');
  throw new SmallfirstError(
    'REQUEST_INVALID',
    `The request body is compressed in a way that is not known here; send it as it is, or as one of ${known}.`,
  );
}

/** The error for a body that does not decompress. */
export function brokenBody(): SmallfirstError {
  return new SmallfirstError('REQUEST_INVALID', 'The request body is not compressed as its content-encoding says.');
}
