import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usage } from '../../core/index.ts';
import { createTap } from './tap.ts';
import type { TapOptions, TapReport } from './tap-types.ts';

const quiet: TapReport = {
  complete: false,
  legible: true,
  stop: null,
  usage: null,
  usageFlags: [],
  rawUsage: null,
  servedModel: null,
  fingerprint: null,
  upstreamId: null,
  serviceTier: null,
  logprobs: null,
  failure: null,
};

/** Runs bytes through a tap in pieces of the given lengths. */
function run(options: TapOptions, bytes: Buffer | string, lengths: readonly number[] = []): { out: string; report: TapReport } {
  const input = Buffer.from(bytes);
  const tap = createTap(options);
  const out: Buffer[] = [];
  let at = 0;
  for (const length of [...lengths, input.length]) {
    if (at >= input.length) break;
    // A buffer of its own, so that nothing can rely on its neighbours.
    out.push(Buffer.from(tap.push(Buffer.from(input.subarray(at, at + length)))));
    at += length;
  }
  out.push(tap.end());
  return { out: Buffer.concat(out).toString('utf8'), report: tap.report() };
}

const chunk = (delta: object, rest: object = {}): string =>
  `data: ${JSON.stringify({
    id: 'c1',
    object: 'chat.completion.chunk',
    model: 'gpt-x-2026',
    system_fingerprint: 'fp_1',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
    usage: null,
    ...rest,
  })}\n\n`;
const finish = chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const usageChunk = `data: ${JSON.stringify({
  id: 'c1',
  model: 'gpt-x-2026',
  choices: [],
  service_tier: 'flex',
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
})}\n\n`;
const done = 'data: [DONE]\n\n';
const chat = chunk({ role: 'assistant', content: '' }) + chunk({ content: 'Grüße 👋 "usage":' }) + finish + usageChunk + done;

const messages = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","model":"claude-x","usage":{"input_tokens":9,"output_tokens":1,"cache_read_input_tokens":4,"service_tier":"standard"}}}\n\n',
  'event: ping\ndata: {"type":"ping"}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hé\\n"}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":"}}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":12}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
].join('');

const responses = [
  'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r1","model":"gpt-r","status":"in_progress","usage":null}}\n\n',
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi","logprobs":[{"token":"Hi","logprob":-0.5,"top_logprobs":[]}]}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r1","model":"gpt-r","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi","logprobs":[{"token":"Hi","logprob":-0.5,"top_logprobs":[]}]}]}],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7}}}\n\n',
].join('');

const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 });

describe('a tap on a stream', () => {
  const all: [TapOptions['protocol'], string][] = [
    ['openai-chat', chat],
    ['openai-chat', chat.replaceAll('\n', '\r\n')],
    ['anthropic-messages', messages],
    ['openai-responses', responses],
    ['openai-chat', ': comment\n\nretry: 3\n\ndata:{"broken\n\n'],
  ];

  it('passes every byte on, and reads the same, however the bytes are split', () => {
    for (const [protocol, text] of all) {
      const options: TapOptions = { protocol, stream: true, readLogprobs: true };
      const whole = run(options, text).report;
      fc.assert(
        fc.property(lengths, (pieces) => {
          expect(run(options, text, pieces)).toEqual({ out: text, report: whole });
        }),
        { numRuns: 40 },
      );
    }
  });

  it('passes arbitrary bytes on unchanged, and never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<TapOptions['protocol']>('openai-chat', 'anthropic-messages', 'openai-responses'),
        fc.uint8Array({ maxLength: 300 }),
        lengths,
        (protocol, bytes, pieces) => {
          const tap = createTap({ protocol, stream: true });
          let at = 0;
          for (const length of [...pieces, bytes.length]) {
            const piece = Buffer.from(bytes.subarray(at, at + length));
            expect(tap.push(piece)).toBe(piece);
            at += length;
          }
          expect(tap.end().length).toBe(0);
        },
      ),
    );
  });

  it('reads a chat stream', () => {
    const texts: string[] = [];
    const { report } = run({ protocol: 'openai-chat', stream: true, onText: (text) => texts.push(text) }, chat);
    expect(texts).toEqual(['Grüße 👋 "usage":']);
    expect(report).toEqual({
      ...quiet,
      complete: true,
      stop: 'done',
      usage: usage({ freshInput: 7, output: 3 }),
      rawUsage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
      servedModel: 'gpt-x-2026',
      fingerprint: 'fp_1',
      upstreamId: 'c1',
      serviceTier: 'flex',
    });
  });

  it('reads an Anthropic stream, whose counts are cumulative', () => {
    const texts: string[] = [];
    const { report } = run({ protocol: 'anthropic-messages', stream: true, onText: (text) => texts.push(text) }, messages);
    expect(texts).toEqual(['Hé\n', '{"a":']);
    expect(report).toEqual({
      ...quiet,
      complete: true,
      stop: 'tool-call',
      usage: usage({ freshInput: 9, cacheRead: 4, output: 12 }),
      rawUsage: { input_tokens: 9, output_tokens: 12, cache_read_input_tokens: 4, service_tier: 'standard' },
      servedModel: 'claude-x',
      upstreamId: 'm1',
      serviceTier: 'standard',
    });
  });

  it('reads a Responses stream with its log-probabilities', () => {
    const texts: string[] = [];
    const { report } = run(
      { protocol: 'openai-responses', stream: true, readLogprobs: true, onText: (text) => texts.push(text) },
      responses,
    );
    expect(texts).toEqual(['Hi']);
    expect(report).toMatchObject({
      complete: true,
      stop: 'done',
      usage: usage({ freshInput: 5, output: 2 }),
      servedModel: 'gpt-r',
      logprobs: [{ token: 'Hi', logprob: -0.5, top: [] }],
    });
  });

  it('sees a cut: no reason to stop, no end event, or an error on the way', () => {
    const cutChat = chunk({ content: 'half' });
    expect(run({ protocol: 'openai-chat', stream: true }, cutChat).report.complete).toBe(false);
    expect(run({ protocol: 'openai-chat', stream: true }, cutChat + done).report.complete).toBe(false);
    expect(run({ protocol: 'openai-chat', stream: true }, cutChat + finish.slice(0, -30)).report.complete).toBe(false);
    expect(run({ protocol: 'openai-chat', stream: true }, cutChat + finish).report.complete).toBe(true);
    const failed = run(
      { protocol: 'openai-chat', stream: true },
      `${cutChat}data: {"error":{"message":"overloaded","code":503}}\n\n${done}`,
    ).report;
    expect([failed.complete, failed.failure]).toEqual([false, { type: null, code: '503', message: 'overloaded' }]);
    expect(
      run({ protocol: 'anthropic-messages', stream: true }, messages.slice(0, messages.indexOf('event: message_stop'))).report.complete,
    ).toBe(false);
    const overloaded = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    expect(run({ protocol: 'anthropic-messages', stream: true }, overloaded).report.failure).toEqual({
      type: 'overloaded_error',
      code: null,
      message: 'Overloaded',
    });
    expect(
      run({ protocol: 'openai-responses', stream: true }, responses.slice(0, responses.indexOf('event: response.completed'))).report
        .complete,
    ).toBe(false);
  });

  it('tells tool arguments, refusals and thinking as text that was generated', () => {
    const texts: string[] = [];
    const stream =
      chunk({
        tool_calls: [
          { index: 0, function: { name: 'f', arguments: '{"x"' } },
          { index: 1, function: { arguments: ':1}' } },
        ],
      }) +
      chunk({ refusal: 'No.' }) +
      chunk({ reasoning: 'hm', reasoning_content: 'hm' }) +
      'data: {"choices":[{"text":"old"}]}\n\n';
    run({ protocol: 'openai-chat', stream: true, onText: (text) => texts.push(text) }, stream);
    expect(texts).toEqual(['{"x"', ':1}', 'No.', 'hm', 'old']);
  });

  it('hides usage that the client did not ask for, and changes only the frames that carry it', () => {
    const hide: TapOptions = { protocol: 'openai-chat', stream: true, hideUsage: true };
    const expected = chat.replaceAll(',"usage":null', '').replace(usageChunk, '');
    const { report } = run({ protocol: 'openai-chat', stream: true }, chat);
    fc.assert(
      fc.property(lengths, (pieces) => {
        expect(run(hide, chat, pieces)).toEqual({ out: expected, report });
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['data: {"usage":null,"choices":[]}\n\n', 'data: {"choices":[]}\n\n'],
    ['data: {"usage" : null}\n\n', 'data: {}\n\n'],
    ['data: {"a":1 , "usage":null }\n\n', 'data: {"a":1 }\n\n'],
    ['data:{"big":12345678901234567890,"usage":null,"a":1,"a":2}\r\n\r\n', 'data:{"big":12345678901234567890,"a":1,"a":2}\r\n\r\n'],
    ['data: {"usage":{"prompt_tokens":1}}\n\n', ''],
    // Usage beside a choice is the upstream's own way, and an error is never taken out.
    ['data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}\n\n', 'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}\n\n'],
    ['data: {"error":{},"usage":{"prompt_tokens":1}}\n\n', 'data: {"error":{},"usage":{"prompt_tokens":1}}\n\n'],
    [
      'data: {"choices":[{"delta":{"content":"\\"usage\\":null"}}]}\n\n',
      'data: {"choices":[{"delta":{"content":"\\"usage\\":null"}}]}\n\n',
    ],
    [': ping\n\n', ': ping\n\n'],
    ['data: {"half": ', 'data: {"half": '],
  ])('makes %j into %j', (input, output) => {
    expect(run({ protocol: 'openai-chat', stream: true, hideUsage: true }, input).out).toBe(output);
  });

  it('hides log-probabilities that the client did not ask for, and reads them', () => {
    const logprobs = {
      content: [{ token: 'a', logprob: -0.25, bytes: [97], top_logprobs: [{ token: 'a', logprob: -0.25, bytes: [97] }] }],
    };
    const scored = chunk({ content: 'a' }, { choices: [{ index: 0, delta: { content: 'a' }, logprobs, finish_reason: null }] });
    const options: TapOptions = { protocol: 'openai-chat', stream: true, hideLogprobs: true, readLogprobs: true };
    const { out, report } = run(options, scored + finish, [100, 7, 90]);
    expect(out).toBe(scored.replace(JSON.stringify(logprobs), 'null') + finish);
    expect(report.logprobs).toEqual([{ token: 'a', logprob: -0.25, top: [{ token: 'a', logprob: -0.25 }] }]);
    const hidden = run({ ...options, protocol: 'openai-responses' }, responses).out;
    expect(hidden).toBe(responses.replaceAll('[{"token":"Hi","logprob":-0.5,"top_logprobs":[]}]', '[]'));
  });
});

describe('a tap on a plain answer', () => {
  const logprobs = { content: [{ token: 'A', logprob: -0.1, bytes: [65], top_logprobs: [] }] };
  const completion = {
    id: 'c1',
    model: 'gpt-x-2026',
    choices: [{ index: 0, message: { role: 'assistant', content: 'A "finish_reason":"length"' }, logprobs, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    system_fingerprint: 'fp_1',
    service_tier: 'default',
  };

  it('passes it on as it comes and reads it at the end', () => {
    const text = JSON.stringify(completion, null, 2);
    fc.assert(
      fc.property(lengths, (pieces) => {
        const { out, report } = run({ protocol: 'openai-chat', stream: false, readLogprobs: true }, text, pieces);
        expect(out).toBe(text);
        expect(report).toEqual({
          ...quiet,
          complete: true,
          stop: 'done',
          usage: usage({ freshInput: 7, output: 3 }),
          rawUsage: completion.usage,
          servedModel: 'gpt-x-2026',
          fingerprint: 'fp_1',
          upstreamId: 'c1',
          serviceTier: 'default',
          logprobs: [{ token: 'A', logprob: -0.1, top: [] }],
        });
      }),
      { numRuns: 30 },
    );
  });

  it('hides log-probabilities', () => {
    const text = JSON.stringify(completion);
    const { out } = run({ protocol: 'openai-chat', stream: false, hideLogprobs: true }, text, [5, 90]);
    expect(out).toBe(text.replace(JSON.stringify(logprobs), 'null'));
  });

  it('knows nothing before the end, whoever asks', () => {
    const tap = createTap({ protocol: 'openai-chat', stream: false });
    tap.push(Buffer.from(JSON.stringify(completion)));
    expect(tap.report()).toEqual(quiet);
    tap.end();
    expect([tap.report().usage, tap.report().upstreamId]).toEqual([usage({ freshInput: 7, output: 3 }), 'c1']);
  });

  it('is not misled by what a tool was called with', () => {
    const message = {
      id: 'm1',
      model: 'claude-x',
      content: [{ type: 'tool_use', id: 't', name: 'f', input: { usage: { input_tokens: 0, output_tokens: 0 }, stop_reason: 'refusal' } }],
      stop_reason: 'tool_use',
      usage: { input_tokens: 9, output_tokens: 12 },
    };
    const { report } = run({ protocol: 'anthropic-messages', stream: false }, JSON.stringify(message));
    expect([report.stop, report.usage, report.complete]).toEqual(['tool-call', usage({ freshInput: 9, output: 12 }), true]);
  });

  it('reads a Responses answer, whole or incomplete', () => {
    const read = (response: object): TapReport => run({ protocol: 'openai-responses', stream: false }, JSON.stringify(response)).report;
    const call = [{ type: 'function_call', name: 'f', arguments: '{}' }];
    expect(read({ status: 'completed', output: call })).toMatchObject({ complete: true, stop: 'tool-call' });
    expect(read({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })).toMatchObject({
      complete: true,
      stop: 'length',
    });
    expect(read({ status: 'failed', error: { code: 'server_error', message: 'x' } })).toMatchObject({ complete: false, stop: null });
  });

  it('reads the usage of embeddings without walking through the vectors', () => {
    const body = '{"object":"list","data":[{"embedding":"AAAA"}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}';
    const { report, out } = run({ protocol: 'openai-embeddings', stream: false, hideLogprobs: true }, body);
    expect([out, report.complete, report.usage]).toEqual([body, true, usage({ freshInput: 8 })]);
  });

  it('tells the text of an answer that came without usage, to be counted', () => {
    const told = (protocol: TapOptions['protocol'], body: object): string[] => {
      const texts: string[] = [];
      run({ protocol, stream: false, onText: (text) => texts.push(text) }, JSON.stringify(body));
      return texts;
    };
    const message = {
      role: 'assistant',
      content: 'Hi',
      tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    expect(told('openai-chat', { choices: [{ message, finish_reason: 'stop' }] }).sort()).toEqual(['Hi', 'f', '{}']);
    expect(told('openai-chat', completion)).toEqual([]);
    expect(told('openai-completions', { choices: [{ text: 'old', finish_reason: 'stop' }] })).toEqual(['old']);
    expect(told('anthropic-messages', { content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn' })).toEqual(['Hi']);
  });

  it.each(['', 'null', '<html>502</html>', '{"choices":[{"finish_reason":"stop"', '[1]', '{"choices":{}}', '{"usage":7,"choices":[]}'])(
    'knows nothing of %j and passes it on',
    (body) => {
      const { out, report } = run({ protocol: 'openai-chat', stream: false }, body);
      expect([out, report.complete, report.usage]).toEqual([body, false, null]);
    },
  );
});

describe('an answer that is none', () => {
  const legible = (protocol: TapOptions['protocol'], stream: boolean, text: string) => run({ protocol, stream }, text).report.legible;

  it.each<[TapOptions['protocol'], string]>([
    ['openai-chat', '{"choices":[]}'],
    ['openai-completions', ' {"choices":[{"text":"x"}]}\n'],
    ['openai-responses', '{"output":[],"status":"queued"}'],
    ['anthropic-messages', '{"type":"message","content":[]}'],
    ['openai-embeddings', `{"object":"list","data":[{"embedding":[${'0.25,'.repeat(99)}1]}]}`],
  ])('is told from one of %s, which passes as it came', (protocol, good) => {
    expect(legible(protocol, false, good)).toBe(true);
    for (const bad of ['', '<html>', '[]', '{"ok":true}', good.slice(0, -4), 'null']) {
      expect([bad, legible(protocol, false, bad)]).toEqual([bad, false]);
      expect(run({ protocol, stream: false }, bad).out).toBe(bad);
    }
  });

  it.each<TapOptions['protocol']>(['openai-chat', 'openai-responses', 'anthropic-messages'])(
    'is a stream of %s with half a frame',
    (protocol) => {
      const name = protocol === 'openai-chat' ? '' : 'event: x\n';
      expect(legible(protocol, true, `: ping\n\n${name}data: {"a":1} \n\n${name}data: [DONE]\n\n`)).toBe(true);
      expect(legible(protocol, true, `${name}data: {"a":1}\n\n`)).toBe(true);
      expect(legible(protocol, true, `${name}data: {"a":{"b\n\n`)).toBe(false);
    },
  );
});
