import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { SmallfirstError } from '../core/index.ts';
import { CODINGS, decoderOf } from '../providers/index.ts';

/** Whether a request's body is compressed. */
export function isEncoded({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const coding = headers['content-encoding'];
  return coding !== undefined && coding.trim() !== '' && coding.trim().toLowerCase() !== 'identity';
}

/**
 * What undoes the coding of a request's body; null where it has none. What goes on is never compressed: it is read on its way, and who takes
 * it upstream may not know the coding. Throws REQUEST_INVALID for a coding that is not known, and for several.
 */
export function requestDecoder(request: Pick<IncomingMessage, 'headers'>): Transform | null {
  if (!isEncoded(request)) return null;
  const decoder = decoderOf(request.headers['content-encoding'] ?? '');
  if (decoder !== null) return decoder;
  throw new SmallfirstError(
    'REQUEST_INVALID',
    `The request body is compressed in a way that is not known here; send it as it is, or as one of ${CODINGS.join(', ')}.`,
  );
}

/** The error for a body that does not decompress. */
export function brokenBody(): SmallfirstError {
  return new SmallfirstError('REQUEST_INVALID', 'The request body is not compressed as its content-encoding says.');
}
