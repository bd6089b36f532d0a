import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { usage } from '../core/index.ts';
import { createTap } from '../providers/index.ts';
import { CompressedTap } from './compressed-tap.ts';

const choice = { index: 0, message: { role: 'assistant', content: 'Grüezi mitenand' }, finish_reason: 'stop' };
const plain = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm-1',
  choices: [choice],
  usage: { prompt_tokens: 13, completion_tokens: 8 },
};
const frame = (choices: readonly object[], rest: object = {}): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm-1', choices, ...rest })}\n\n`;
const frames = [
  frame([{ index: 0, delta: { content: 'Grüezi ' }, finish_reason: null }]),
  frame([{ index: 0, delta: { content: 'mitenand' }, finish_reason: 'stop' }]),
  frame([], { usage: { prompt_tokens: 13, completion_tokens: 8 } }),
  'data: [DONE]\n\n',
];

/** What a tap for a coding tells of bytes that came in pieces, and what it passed on. */
function tapped(coding: string, bytes: Buffer, stream: boolean) {
  let written = '';
  const onText = (text: string): void => {
    written += text;
  };
  const tap = new CompressedTap(coding, () => createTap({ protocol: 'openai-chat', stream, onText }));
  const passed: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 7) passed.push(tap.push(bytes.subarray(at, at + 7)));
  passed.push(tap.end());
  const report = tap.report();
  expect(tap.report()).toBe(report);
  expect(Buffer.concat(passed)).toEqual(bytes);
  return { report, written };
}

const { brotliCompressSync, deflateSync, gzipSync } = zlib;
type Compress = (text: string) => Buffer;
const coders: Record<string, Compress> = { gzip: gzipSync, 'X-GZip': gzipSync, deflate: deflateSync, br: brotliCompressSync };
// Newer versions of Node have it; the types are those of the oldest that we promise.
const { zstdCompressSync } = zlib as { readonly zstdCompressSync?: (bytes: Buffer) => Buffer };
if (zstdCompressSync !== undefined) coders.zstd = (text) => zstdCompressSync(Buffer.from(text));

describe.each(Object.entries(coders))('an answer compressed by %s', (coding, compress) => {
  it('is read when it is over, plain or streamed, and passes as it came', () => {
    const told = { complete: true, legible: true, stop: 'done', usage: usage({ freshInput: 13, output: 8 }), servedModel: 'm-1' };
    expect(tapped(coding, compress(JSON.stringify(plain)), false).report).toMatchObject(told);
    const streamed = tapped(coding, compress(frames.join('')), true);
    expect(streamed).toMatchObject({ report: told, written: 'Grüezi mitenand' });
  });

  it('that says no usage is read for what was written', () => {
    const { report, written } = tapped(coding, compress(JSON.stringify({ ...plain, usage: undefined })), false);
    expect([report.usage, written]).toEqual([null, 'Grüezi mitenand']);
  });

  it('that was cut off is read as far as it came, and is not whole', () => {
    // Longer than any coding's blocks, of which only whole ones can be read.
    const long = frame([{ index: 0, delta: { content: 'Grüezi mitenand '.repeat(64) }, finish_reason: null }]).repeat(400);
    const bytes = compress(frames[0] + long);
    const { report, written } = tapped(coding, bytes.subarray(0, bytes.length - 12), true);
    expect([report.complete, report.usage, written.startsWith('Grüezi ')]).toEqual([false, null, true]);
  });
});

describe('an answer that cannot be read', () => {
  it.each([
    ['an unknown coding', 'compress', Buffer.from('whatever')],
    ['several codings', 'gzip, br', gzipSync(JSON.stringify(plain))],
    ['bytes that are not of its coding', 'gzip', Buffer.from(JSON.stringify(plain))],
    ['more bytes than are worth it', 'gzip', gzipSync(Buffer.alloc(20 * 1024 * 1024))],
  ])('tells nothing, and nothing against it: %s', (_what, coding, bytes) => {
    const { report, written } = tapped(coding, bytes, true);
    expect(report).toMatchObject({ complete: true, legible: true, usage: null, failure: null });
    expect(written).toBe('');
  });
});
