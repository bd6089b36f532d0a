import { describe, expect, it } from 'vitest';
import { cutReport } from './errors.ts';
import { codecs, type Protocol } from './index.ts';

const protocols: readonly Protocol[] = ['openai-chat', 'openai-responses', 'anthropic-messages'];

/** How each protocol tells what an upstream refused with these words. */
function told(status: number, error: object): unknown[] {
  const read = codecs['openai-chat'].readError(status, JSON.stringify({ error }));
  return protocols.map((protocol) => codecs[protocol].writeError(status, read).error);
}

const OPENAI = "This model's maximum context length is 128000 tokens. However, your messages resulted in 233153 tokens.";

describe('an error that says that the request is longer than the model can read', () => {
  it.each([
    ['OpenAI', { code: 'context_length_exceeded', message: OPENAI }, '233153 tokens > 128000 maximum: '],
    [
      'Responses',
      { code: 'context_length_exceeded', message: 'Your input exceeds the context window of this model. Please adjust your input.' },
      '',
    ],
    [
      'vLLM',
      {
        code: 400,
        type: 'BadRequestError',
        message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages).",
      },
      '5000 tokens > 4096 maximum: ',
    ],
    [
      'llama.cpp',
      { code: 400, type: 'exceed_context_size_error', message: 'the request exceeds the available context size (4096 tokens)' },
      '',
    ],
    [
      'Gemini',
      { code: 400, message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).' },
      '1200000 tokens > 1048576 maximum: ',
    ],
  ])('has the word that clients of each protocol act on, whoever said it: %s', (_vendor, error, lengths) => {
    const openai = { type: 'invalid_request_error', param: null, code: 'context_length_exceeded', message: error.message };
    const anthropic = { type: 'invalid_request_error', message: `prompt is too long: ${lengths}${error.message}` };
    expect(told(400, error)).toEqual([openai, openai, anthropic]);
  });

  it('keeps the words of Anthropic, which have their word already', () => {
    const message = 'prompt is too long: 210000 tokens > 200000 maximum';
    expect(told(400, { type: 'invalid_request_error', message })).toEqual([
      { type: 'invalid_request_error', param: null, code: 'context_length_exceeded', message },
      { type: 'invalid_request_error', param: null, code: 'context_length_exceeded', message },
      { type: 'invalid_request_error', message },
    ]);
  });

  it('is no other refusal, and no length that fits', () => {
    const said = { type: 'invalid_request_error', code: null, message: 'temperature is too long' };
    expect(told(400, said).map((error) => (error as { message: string }).message)).toEqual(Array(3).fill(said.message));
    const odd = { message: "This model's maximum context length is 4096 tokens, and you requested 100 tokens." };
    expect(told(400, odd)[2]).toEqual({ type: 'invalid_request_error', message: `prompt is too long: ${odd.message}` });
  });

  it('is told as such where it comes in the middle of a stream, without the words of the upstream', () => {
    const report = [
      cutReport({ type: null, code: 'context_length_exceeded', message: 'Too much for org-1.' }),
      cutReport({ type: 'invalid_request_error', code: null, message: 'prompt is too long: 3 tokens > 2 maximum' }),
    ];
    const message = 'The upstream failed before the answer was complete.';
    for (const each of report) {
      expect(protocols.map((protocol) => codecs[protocol].writeError(500, each).error)).toMatchObject([
        { code: 'context_length_exceeded', message },
        { code: 'context_length_exceeded', message },
        { type: 'invalid_request_error', message: `prompt is too long: ${message}` },
      ]);
    }
  });
});
