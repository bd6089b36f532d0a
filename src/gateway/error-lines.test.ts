import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorLines } from './error-lines.ts';

/** What goes on of bytes that come in pieces of these lengths, in bytes of the pieces themselves. */
function passed(input: Buffer, lengths: readonly number[] = []): Buffer {
  const lines = new ErrorLines();
  const out: Buffer[] = [];
  let at = 0;
  for (const length of [...lengths, input.length]) {
    out.push(lines.push(Buffer.from(input.subarray(at, at + length))));
    at += length;
  }
  return Buffer.concat([...out, lines.end()]);
}

const STREAM = [
  'data: {"choices":[{"delta":{"content":"the \\"error\\": of org-a1B2c3 – 🙂"}}]}',
  'event: error\ndata: {"message":"in org-a1B2c3"}',
  'data: {"user":"user-77abc","error":{"message":"in org-a1B2c3 – 🙂"},"error":"proj_9xYz"}',
  ': user-77abc',
  'event: error\ndata: {\ndata: "message": "in org-a1B2c3"\ndata: }',
  'data: {\ndata: "error": {"message": "in org-a1B2c3"}\ndata: }',
  'event:error\ndata: broken for user-77abc',
  'data: {"type":"response.failed","response":{"user":"user-77abc","error":{"message":"of org-a1B2c3"}}}',
  'data: {"type":"error","message":"in org-a1B2c3"}',
  'data: {"type":"item","item":{"error":{"message":"of user-77abc"}}}',
  'data: {"error":null,"user":"user-77abc"}',
  'data: {"error":"cut in org-a1B2c3',
].join('\n\n');
const TOLD = [
  'data: {"choices":[{"delta":{"content":"the \\"error\\": of org-a1B2c3 – 🙂"}}]}',
  'event: error\ndata: {"message":"in [removed]"}',
  'data: {"user":"user-77abc","error":{"message":"in [removed] – 🙂"},"error":"[removed]"}',
  ': user-77abc',
  'event: error\ndata: {\ndata: "message": "in [removed]"\ndata: }',
  'data: {\ndata: "error": {"message": "in [removed]"}\ndata: }',
  'event:error\ndata: broken for [removed]',
  'data: {"type":"response.failed","response":{"user":"user-77abc","error":{"message":"of [removed]"}}}',
  'data: {"type":"error","message":"in [removed]"}',
  'data: {"type":"item","item":{"error":{"message":"of user-77abc"}}}',
  'data: {"error":null,"user":"user-77abc"}',
  'data: {"error":"cut in [removed]',
].join('\n\n');

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 120 });

describe('the lines of a stream', () => {
  it.each(['\n', '\r\n', '\r'])('name no account in their errors, and are otherwise what came, however they are split: %j', (lineBreak) => {
    const told = TOLD.replaceAll('\n', lineBreak);
    fc.assert(
      fc.property(lengths, (pieces) => {
        expect(passed(Buffer.from(STREAM.replaceAll('\n', lineBreak)), pieces).toString()).toBe(told);
      }),
      { numRuns: 100 },
    );
  });

  it('are any bytes, and go on unchanged', () => {
    const words = fc.constantFrom('error', '"error"', 'event: error', '\n', '\r', '\n\n', 'data: ', '{', '}', ':', ' ', 'é');
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.array(words, { maxLength: 40 }).map((list) => Buffer.from(list.join(''))),
    );
    fc.assert(
      fc.property(bytes, lengths, (input, pieces) => {
        expect(passed(input, pieces).equals(input)).toBe(true);
      }),
    );
  });

  it('go on at once, in the buffer that they came in, and only a line that is not whole waits', () => {
    const lines = new ErrorLines();
    const chunk = Buffer.from('event: a\ndata: {"text":"an error"}\n\ndata: {}\n');
    expect(lines.push(chunk)).toBe(chunk);
    expect(lines.push(Buffer.from('\ndata: {"te')).toString()).toBe('\n');
    expect(lines.push(Buffer.from('xt"')).toString()).toBe('');
    expect(lines.push(Buffer.from(':1}\n\nda')).toString()).toBe('data: {"text":1}\n\n');
    expect(lines.end().toString()).toBe('da');
  });

  it('wait no longer than errors are long', () => {
    const lines = new ErrorLines();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const out = Array.from({ length: 6 }, () => lines.push(piece).length);
    expect([...out, lines.end().length].map((length) => length / piece.length)).toEqual([0, 0, 0, 0, 5, 0, 1]);
  });
});
