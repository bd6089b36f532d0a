import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextFor, framesOf } from '../../../../test/support/wire.ts';
import { type ModelEvent, type StopReason, usage } from '../../../core/index.ts';
import { clientCodecs, MalformedRequest } from '../index.ts';

const codec = clientCodecs['openai-completions'];
const read = (body: object) => codec.readRequest({ model: 'm', ...body } as never);
const token = (text: string, logprob: number, top: readonly (readonly [string, number])[] = []) => ({
  token: text,
  logprob,
  bytes: [],
  top: top.map(([one, value]) => ({ token: one, logprob: value, bytes: [] })),
});
const end = (stop: StopReason): ModelEvent => ({ type: 'end', stop, usage: usage({ freshInput: 5, output: 2 }), usageSource: 'reported' });
const EVENTS: readonly ModelEvent[] = [
  { type: 'thinking', text: 'hm', signature: null },
  {
    type: 'text',
    text: 'one ',
    logprobs: [
      token('one ', -0.1, [
        ['one ', -0.1],
        ['two ', -2],
      ]),
    ],
  },
  { type: 'text', text: 'é', logprobs: [token('é', -0.2, [['é', -0.2]])] },
];

/** The frames of a stream, as data. */
function told(events: readonly ModelEvent[], client: object): unknown[] {
  const writer = codec.streamWriter(contextFor(read({ prompt: 'p', stream: true, ...client })));
  const text = events.map((event) => writer.push(event)).join('') + writer.finish();
  return framesOf(Buffer.from(text)).map(({ data }) => (data === '[DONE]' ? data : (JSON.parse(data) as unknown)));
}

describe('a completion request', () => {
  it('is a chat of one message', () => {
    const client = read({
      prompt: ['Once'],
      max_tokens: 5,
      temperature: 0,
      top_p: 1,
      stop: 'x',
      seed: 7,
      user: 'u',
      logprobs: 2,
      presence_penalty: 1,
    });
    expect(client).toMatchObject({
      protocol: 'openai-completions',
      stream: false,
      includeUsage: false,
      logprobs: { top: 2 },
      untranslatable: [],
    });
    expect(client.request).toMatchObject({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Once' }] }],
      maxTokens: 5,
      temperature: 0,
      topP: 1,
      stop: ['x'],
      seed: 7,
      endUser: 'u',
      logprobs: { top: 2 },
    });
  });

  it('asks for no more than it says: nulls and empty values are nothing', () => {
    const empty = { n: 1, best_of: 1, echo: false, suffix: null, logit_bias: {}, logprobs: null, stop: null, max_tokens: null };
    expect(read({ prompt: 'x', ...empty })).toMatchObject({ untranslatable: [], logprobs: null, request: { maxTokens: 16 } });
  });

  it('of any shape is read or refused with its place', () => {
    const members = 'prompt n best_of echo suffix logit_bias logprobs max_tokens stop stream stream_options seed user'.split(' ');
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...members), fc.jsonValue()), (body) => {
        try {
          read(body);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedRequest);
        }
      }),
    );
  });
});

describe('a completion', () => {
  it('is the text of an answer, with its tokens for those who ask', () => {
    const plain = codec.writeResponse([...EVENTS, end('length')], contextFor(read({ prompt: 'p', logprobs: 1 })));
    expect(plain).toEqual({
      id: 'cmpl-a1',
      object: 'text_completion',
      created: 1_790_000_000,
      model: 'asked-model',
      choices: [
        {
          text: 'one é',
          index: 0,
          logprobs: {
            tokens: ['one ', 'é'],
            token_logprobs: [-0.1, -0.2],
            top_logprobs: [{ 'one ': -0.1 }, { é: -0.2 }],
            text_offset: [0, 4],
          },
          finish_reason: 'length',
        },
      ],
      usage: expect.objectContaining({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }),
    });
    const of = (stop: StopReason) => codec.writeResponse([...EVENTS, end(stop)], contextFor(read({ prompt: 'p' })));
    expect((['done', 'stop-sequence', 'refusal', 'content-filter'] as const).map(of)).toMatchObject(
      ['stop', 'stop', 'content_filter', 'content_filter'].map((finish_reason) => ({ choices: [{ logprobs: null, finish_reason }] })),
    );
  });

  it('that was cut is no answer', () => {
    for (const events of [EVENTS, [...EVENTS, end('cut')]]) {
      expect(() => codec.writeResponse(events, contextFor())).toThrow(expect.objectContaining({ code: 'UPSTREAM_FAILED' }));
    }
  });

  it('is streamed in chunks that say the same, each with its own tokens', () => {
    const choice = (text: string, logprobs: unknown, finish: string | null = null) => ({
      id: 'cmpl-a1',
      object: 'text_completion',
      created: 1_790_000_000,
      model: 'asked-model',
      choices: [{ text, index: 0, logprobs, finish_reason: finish }],
    });
    const tokens = (text: string, logprob: number, from: number) => ({
      tokens: [text],
      token_logprobs: [logprob],
      top_logprobs: null,
      text_offset: [from],
    });
    expect(told([...EVENTS, end('done')], { logprobs: 0 })).toEqual([
      choice('one ', tokens('one ', -0.1, 0)),
      choice('é', tokens('é', -0.2, 4)),
      choice('', null, 'stop'),
      '[DONE]',
    ]);
    const counted = told([...EVENTS, end('done')], { stream_options: { include_usage: true } });
    expect(counted).toMatchObject([
      { usage: null },
      { usage: null },
      { usage: null },
      { choices: [], usage: { prompt_tokens: 5 } },
      '[DONE]',
    ]);
  });

  it('that is cut in its stream looks cut', () => {
    for (const events of [EVENTS, [...EVENTS, end('cut')], []]) {
      const frames = told(events, {});
      expect(frames.at(-1)).toMatchObject({ error: { type: 'server_error' } });
      expect(JSON.stringify(frames)).not.toMatch(/"finish_reason":"|\[DONE\]/);
    }
    const writer = codec.streamWriter(contextFor());
    expect(writer.push(end('done'))).not.toBe('');
    expect([writer.push(end('done')), writer.ping(), writer.error({ message: 'late' }), writer.finish()]).toEqual(['', '', '', '']);
  });
});
