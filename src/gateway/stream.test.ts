import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exchange } from './exchange.ts';
import { Stream, Streams } from './stream.ts';

const FRAME_END = /(^|\n\n|\n\r\n|\r\r)$/;

describe('a stream', () => {
  it('is between frames exactly where nothing but whole frames has gone out', () => {
    const pieces = fc.array(fc.stringMatching(/^[a\r\n]{0,4}$/), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (texts) => {
        const response = new ServerResponse(new IncomingMessage(new Socket()));
        const stream = new Stream({ response } as unknown as Exchange, new Streams(() => {}), 'openai');
        let all = '';
        for (const text of texts) {
          stream.passed(Buffer.from(text));
          all += text;
          // Before the first byte, an end of line stands alone: then a line has ended, which is no harm either.
          if (/[a]/.test(all)) expect(stream.isBetweenFrames).toBe(FRAME_END.test(all));
        }
      }),
    );
  });
});
