import { pipeline, Readable } from 'node:stream';
import { decoderOf } from '../wire/codings.ts';
import type { AnswerBytes } from './answer-queue.ts';
import { UpstreamError } from './types.ts';

/** Bytes that hold something until they are closed. */
export interface DecodedAnswer extends AnswerBytes {
  /** Nothing more will be read. */
  close(): void;
}

/**
 * The bytes of an answer that came compressed although it was asked for as it is. Reading throws UPSTREAM_INVALID for a coding that is not
 * known and for bytes that are not of it, and what went wrong upstream as it is.
 */
export function decodedAnswer(source: AnswerBytes, coding: string, upstream: string): DecodedAnswer {
  const decoder = decoderOf(coding);
  if (decoder === null) {
    const error = new UpstreamError(
      'UPSTREAM_INVALID',
      `The upstream of ${upstream} compressed its answer in a way that is not known here.`,
    );
    return { next: () => Promise.reject(error), close: () => undefined };
  }
  let lost: Error | null = null;
  async function* compressed(): AsyncIterable<Buffer> {
    try {
      for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) yield chunk;
    } catch (error) {
      // Told when what came before it has been read.
      lost = error as Error;
    }
  }
  // What goes wrong with the decoder comes out of its iterator.
  pipeline(Readable.from(compressed()), decoder, () => undefined);
  const chunks = decoder[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return {
    async next() {
      let step: IteratorResult<Buffer>;
      try {
        step = await chunks.next();
      } catch (cause) {
        if (lost !== null) throw lost;
        throw new UpstreamError('UPSTREAM_INVALID', `The upstream of ${upstream} sent an answer that does not decompress.`, { cause });
      }
      if (step.done !== true) return step.value;
      if (lost !== null) throw lost;
      return null;
    },
    close() {
      decoder.destroy();
    },
  };
}
