import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askingClient, contextFor, merged, readStream, writtenStream } from '../../../test/support/wire.ts';
import { answerOf, requestOf } from '../../../test/support/wire-arbitraries.ts';
import type { Json, ModelEvent, ModelRequest } from '../../core/index.ts';
import { codecs, type Protocol } from './index.ts';

const protocols = Object.keys(codecs) as Protocol[];

/** The request without what the responses codec adds on its own: nothing is stored, and what must then be included. */
function withoutStorage(request: ModelRequest): ModelRequest {
  const { extras, ...rest } = request;
  if (extras === undefined) return rest;
  const { store: _store, include: _include, ...members } = extras.members;
  return Object.keys(members).length === 0 ? rest : { ...rest, extras: { ...extras, members } };
}

/** An answer's substance: the start is the context's, and the end is its reason and usage. */
function substance(events: readonly ModelEvent[]): unknown[] {
  return merged(events)
    .filter((event) => event.type !== 'start')
    .map((event) => (event.type === 'end' ? { type: 'end', stop: event.stop, usage: event.usage } : event));
}

describe.each(protocols)('%s', (protocol) => {
  const codec = codecs[protocol];

  it('reads back the request that it wrote', () => {
    fc.assert(
      fc.property(requestOf(protocol), fc.boolean(), (request, stream) => {
        const written = codec.writeRequest(request, { model: 'm-1', stream });
        const read = codec.readRequest(JSON.parse(JSON.stringify(written.body)) as Json);
        expect(withoutStorage(read.request)).toEqual(request);
        expect([read.model, read.stream, read.untranslatable]).toEqual(['m-1', stream, []]);
      }),
      { numRuns: 300 },
    );
  });

  it('reads back the stream that it wrote, split at any byte', () => {
    const context = contextFor(askingClient(protocol));
    fc.assert(
      fc.property(answerOf(protocol), fc.array(fc.nat(), { maxLength: 10 }), (events, cuts) => {
        const bytes = Buffer.from(writtenStream(codec, events, context));
        expect(substance(readStream(codec.streamReader(), bytes, cuts))).toEqual(substance(events));
      }),
      { numRuns: 300 },
    );
  });

  it('reads back the whole answer that it wrote', () => {
    const context = contextFor(askingClient(protocol));
    fc.assert(
      fc.property(answerOf(protocol), (events) => {
        const written: unknown = JSON.parse(JSON.stringify(codec.writeResponse(events, context)));
        expect(substance(codec.readResponse(written))).toEqual(substance(events));
      }),
      { numRuns: 300 },
    );
  });

  it('makes one end of every stream, whatever was cut', () => {
    const context = contextFor(askingClient(protocol));
    fc.assert(
      fc.property(answerOf(protocol), fc.nat(), (events, at) => {
        const text = writtenStream(codec, events, context);
        const read = readStream(codec.streamReader(), Buffer.from(text).subarray(0, at % (Buffer.byteLength(text) + 1)));
        expect(read.filter((event) => event.type === 'end')).toHaveLength(1);
        expect(read.at(-1)?.type).toBe('end');
      }),
    );
  });
});
