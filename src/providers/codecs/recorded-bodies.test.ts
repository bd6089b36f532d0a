import { describe, expect, it } from 'vitest';
import { merged, readStream, recorded, recordedJson } from '../../../test/support/wire.ts';
import { type ModelEvent, usage } from '../../core/index.ts';
import { codecs, type Protocol } from './index.ts';

function read(protocol: Protocol, name: string): ModelEvent[] {
  const file = `${protocol}/${name}`;
  if (name.endsWith('.json')) return merged(codecs[protocol].readResponse(recordedJson(file)));
  return merged(readStream(codecs[protocol].streamReader(), recorded(file)));
}

/** The events without what the end carries beside its reason and usage. */
function plain(events: readonly ModelEvent[]): unknown[] {
  return events.map((event) =>
    event.type === 'end'
      ? { type: 'end', stop: event.stop, usage: event.usage, ...(event.failure ? { failure: event.failure } : {}) }
      : event,
  );
}

const allFiles: [Protocol, string][] = [
  ...['stream-text', 'stream-tools', 'stream-tools-without-index', 'stream-tools-same-index', 'stream-reasoning-crlf', 'stream-error'].map(
    (name): [Protocol, string] => ['openai-chat', `${name}.sse`],
  ),
  ...['stream-thinking-tools', 'stream-web-search', 'stream-error', 'stream-cut'].map((name): [Protocol, string] => [
    'anthropic-messages',
    `${name}.sse`,
  ]),
  ...['stream-reasoning-text-tools', 'stream-failed', 'stream-without-deltas', 'stream-cut'].map((name): [Protocol, string] => [
    'openai-responses',
    `${name}.sse`,
  ]),
];

describe('recorded chat completions', () => {
  it('reads text, usage with cache and reasoning tokens, tier and fingerprint', () => {
    const events = read('openai-chat', 'text.json');
    expect(events).toEqual([
      {
        type: 'start',
        servedModel: 'gpt-4.1-2025-04-14',
        fingerprint: 'fp_0165350fbb',
        upstreamId: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
        inputTokens: null,
      },
      { type: 'text', text: 'Hello! How can I assist you today?' },
      {
        type: 'end',
        stop: 'done',
        usage: usage({ freshInput: 86, cacheRead: 1920, output: 300, reasoning: 256 }),
        usageSource: 'reported',
        rawUsage: expect.objectContaining({ prompt_tokens: 2006 }),
        serviceTier: 'default',
      },
    ]);
  });

  it('reads parallel tool calls beside content null, plain and streamed', () => {
    expect(plain(read('openai-chat', 'tools.json').slice(1))).toEqual([
      { type: 'tool-call', index: 0, id: 'call_abc123', name: 'get_current_weather', arguments: '{\n"location": "Boston, MA"\n}' },
      { type: 'tool-call', index: 1, id: 'call_def456', name: 'get_current_weather', arguments: '{"location":"Paris"}' },
      { type: 'end', stop: 'tool-call', usage: usage({ freshInput: 82, output: 17 }) },
    ]);
    expect(plain(read('openai-chat', 'stream-tools.sse').slice(1))).toEqual([
      { type: 'tool-call', index: 0, id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'tool-call', index: 1, id: 'call_2', name: 'get_weather', arguments: '{"city":"Rome"}' },
      { type: 'end', stop: 'tool-call', usage: usage({ freshInput: 60, output: 32 }) },
    ]);
  });

  it('keeps calls apart whose index is missing or used twice', () => {
    const calls = (name: string): unknown[] => read('openai-chat', name).filter((event) => event.type === 'tool-call');
    expect(calls('stream-tools-without-index.sse')).toEqual([
      { type: 'tool-call', index: 0, id: 'call_9kq', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'tool-call', index: 1, id: 'call_x2f', name: 'get_weather', arguments: '{"city":"Rome"}' },
    ]);
    expect(calls('stream-tools-same-index.sse')).toEqual([
      { type: 'tool-call', index: 0, id: null, name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'tool-call', index: 1, id: null, name: 'get_weather', arguments: '{"city":"Rome"}' },
    ]);
    expect(read('openai-chat', 'stream-tools-same-index.sse').at(-1)).toMatchObject({ stop: 'tool-call', usage: { output: 20 } });
  });

  it('reads log-probabilities, bytes of half characters included', () => {
    const text = read('openai-chat', 'logprobs.json')[1];
    expect(text).toEqual({
      type: 'text',
      text: 'Hi 🙂',
      logprobs: [
        {
          token: 'Hi',
          logprob: -0.31725305,
          top: [
            { token: 'Hi', logprob: -0.31725305 },
            { token: 'Hello', logprob: -1.3190403 },
          ],
        },
        { token: ' \\xf0\\x9f\\x99', logprob: -0.02380986, bytes: [32, 240, 159, 153], top: [] },
        { token: '\\x82', logprob: 0, bytes: [130], top: [] },
      ],
    });
  });

  it('reads refusals, reasoning over CRLF, and multibyte text', () => {
    expect(plain(read('openai-chat', 'refusal.json').slice(1))).toEqual([
      { type: 'refusal', text: "I'm sorry, I cannot assist with that request." },
      { type: 'end', stop: 'refusal', usage: usage({ freshInput: 81, output: 11 }) },
    ]);
    expect(plain(read('openai-chat', 'stream-reasoning-crlf.sse').slice(1))).toEqual([
      { type: 'thinking', text: 'Let me think.', signature: null },
      { type: 'text', text: '4' },
      { type: 'end', stop: 'done', usage: usage({ freshInput: 8, cacheRead: 4, output: 40, reasoning: 35 }) },
    ]);
    expect(read('openai-chat', 'stream-text.sse')[1]).toEqual({ type: 'text', text: 'Grüße aus 東京' });
  });
});

describe('recorded messages', () => {
  it('reads thinking, redacted thinking, text and calls, plain and streamed', () => {
    const signature = 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds...';
    expect(plain(read('anthropic-messages', 'thinking-tools.json').slice(1))).toEqual([
      { type: 'thinking', text: 'The user wants the weather.', signature, protocol: 'anthropic-messages' },
      {
        type: 'opaque',
        protocol: 'anthropic-messages',
        value: { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIw' },
      },
      { type: 'text', text: "I'll check." },
      {
        type: 'tool-call',
        index: 0,
        id: 'toolu_01A09q90qw90lq917835lq9',
        name: 'get_weather',
        arguments: '{"location":"San Francisco, CA"}',
      },
      { type: 'tool-call', index: 1, id: 'toolu_01B', name: 'get_time', arguments: '{}' },
      { type: 'end', stop: 'tool-call', usage: usage({ freshInput: 399, output: 104 }) },
    ]);
    expect(plain(read('anthropic-messages', 'stream-thinking-tools.sse'))).toEqual([
      {
        type: 'start',
        servedModel: 'claude-sonnet-4-5-20250929',
        fingerprint: null,
        upstreamId: 'msg_014p7gG3wDgGV9EUtLvnow3U',
        inputTokens: 572,
      },
      {
        type: 'thinking',
        text: 'Let me see.',
        signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds==',
        protocol: 'anthropic-messages',
      },
      { type: 'text', text: "Okay, let's check." },
      { type: 'tool-call', index: 0, id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', name: 'get_weather', arguments: '{"location": "Paris"}' },
      { type: 'tool-call', index: 1, id: 'toolu_02', name: 'get_time', arguments: '{}' },
      { type: 'end', stop: 'tool-call', usage: usage({ freshInput: 472, cacheRead: 100, output: 89 }) },
    ]);
  });

  it('reads cache writes by lifetime, refusals with their explanation, and blocks of server tools whole', () => {
    expect(read('anthropic-messages', 'text.json').at(-1)).toMatchObject({
      usage: usage({ freshInput: 12, cacheRead: 1800, cacheWrite5m: 200, cacheWrite1h: 48, output: 6 }),
      serviceTier: 'standard',
    });
    expect(plain(read('anthropic-messages', 'refusal.json').slice(1))).toEqual([
      { type: 'refusal', text: 'This request was declined.' },
      { type: 'end', stop: 'refusal', usage: usage({ freshInput: 30, output: 1 }) },
    ]);
    const events = read('anthropic-messages', 'stream-web-search.sse');
    expect(events.map((event) => event.type)).toEqual(['start', 'opaque', 'opaque', 'annotation', 'text', 'end']);
    expect(events[1]).toMatchObject({ value: { type: 'server_tool_use', input: { query: 'weather NYC' } } });
    expect(events.at(-1)).toMatchObject({ stop: 'done', usage: { freshInput: 472, cacheRead: 100, output: 510 } });
  });
});

describe('recorded responses', () => {
  const thinking = { type: 'thinking', text: '**Thinking** of it', signature: 'gAAAAABo...', protocol: 'openai-responses' };
  const call = {
    type: 'tool-call',
    index: 0,
    id: 'call_unLAR8MvFNptuiZK6K6HCy5k',
    name: 'get_current_weather',
    arguments: '{"location":"Boston, MA"}',
  };
  const counted = usage({ freshInput: 20, cacheRead: 12, cacheWrite5m: 4, output: 87, reasoning: 64 });

  it('reads reasoning, text with citations and calls', () => {
    const annotation = { type: 'url_citation', start_index: 0, end_index: 4, url: 'https://grove.example/', title: 'Grove' };
    expect(plain(read('openai-responses', 'text.json').slice(1))).toEqual([
      thinking,
      { type: 'text', text: 'In a peaceful grove' },
      { type: 'annotation', protocol: 'openai-responses', value: annotation },
      { type: 'end', stop: 'done', usage: counted },
    ]);
    expect(plain(read('openai-responses', 'tools.json').slice(1))).toEqual([call, { type: 'end', stop: 'tool-call', usage: counted }]);
    expect(plain(read('openai-responses', 'stream-reasoning-text-tools.sse').slice(1))).toEqual([
      thinking,
      { type: 'text', text: 'In a grove', logprobs: [{ token: 'In', logprob: -0.25, top: [{ token: 'In', logprob: -0.25 }] }] },
      call,
      { type: 'end', stop: 'tool-call', usage: counted },
    ]);
  });

  it('reads a stream whose output comes only with its end', () => {
    expect(read('openai-responses', 'stream-without-deltas.sse').map((event) => event.type)).toEqual([
      'start',
      'thinking',
      'text',
      'annotation',
      'tool-call',
      'end',
    ]);
  });

  it('tells incomplete from failed', () => {
    expect(read('openai-responses', 'incomplete.json').at(-1)).toMatchObject({ stop: 'length' });
    const failure = { type: null, code: 'server_error', message: 'The model failed to generate a response.' };
    expect(read('openai-responses', 'failed.json').at(-1)).toMatchObject({ stop: 'cut', failure });
  });
});

describe('streams that break', () => {
  it.each([
    ['openai-chat', 'stream-cut.sse', undefined],
    ['anthropic-messages', 'stream-cut.sse', undefined],
    ['openai-responses', 'stream-cut.sse', undefined],
    ['openai-chat', 'stream-error.sse', { type: null, code: '502', message: 'Provider disconnected unexpectedly' }],
    ['anthropic-messages', 'stream-error.sse', { type: 'overloaded_error', code: null, message: 'Overloaded' }],
    [
      'openai-responses',
      'stream-failed.sse',
      { type: null, code: 'server_error', message: 'The server had an error while processing your request.' },
    ],
  ] as const)('%s %s ends as cut, with what the upstream said', (protocol, name, failure) => {
    const events = read(protocol, name);
    expect(events.filter((event) => event.type === 'end')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'end', stop: 'cut' });
    expect((events.at(-1) as { failure?: unknown }).failure).toEqual(failure);
  });

  it.each(allFiles)('%s %s cut after any frame gives one end, and never a complete one before the stop reason', (protocol, name) => {
    const text = recorded(`${protocol}/${name}`).toString();
    const whole = readStream(codecs[protocol].streamReader(), Buffer.from(text));
    for (let cut = 0; cut < text.length; cut += 7) {
      const events = readStream(codecs[protocol].streamReader(), Buffer.from(text.slice(0, cut)));
      expect(events.filter((event) => event.type === 'end')).toHaveLength(1);
      const end = events.at(-1);
      if (end?.type === 'end' && end.stop !== 'cut') expect(merged(events.slice(0, -1))).toEqual(merged(whole.slice(0, -1)));
    }
  });

  it.each(allFiles)('%s %s reads the same however its bytes are split', (protocol, name) => {
    const bytes = recorded(`${protocol}/${name}`);
    const whole = readStream(codecs[protocol].streamReader(), bytes);
    for (let seed = 1; seed <= 20; seed++) {
      const cuts = Array.from({ length: 40 }, (_, i) => (seed * 7919 + i * i * 104729) % bytes.length);
      expect(readStream(codecs[protocol].streamReader(), bytes, cuts)).toEqual(whole);
    }
  });

  it('ends at a malformed chunk, and ignores what follows', () => {
    for (const protocol of Object.keys(codecs) as Protocol[]) {
      for (const data of ['{"choices":[{', '[1]', 'null', '"text"', '<html>']) {
        const reader = codecs[protocol].streamReader();
        const events = [...reader.push({ event: null, data }), ...reader.push({ event: null, data: '{}' }), ...reader.finish()];
        expect(events).toMatchObject([{ type: 'end', stop: 'cut', failure: { code: 'invalid_answer' } }]);
      }
    }
  });
});

describe('recorded errors', () => {
  const read = (protocol: Protocol, status: number, name: string): unknown =>
    codecs[protocol].readError(status, recorded(`${protocol}/${name}`).toString());

  it('tells a spent quota from a limit that passes, and keeps words that clients act on', () => {
    expect(read('openai-chat', 429, 'error-quota.json')).toEqual({
      status: 429,
      kind: 'quota',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      param: null,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      retryable: false,
    });
    expect(read('anthropic-messages', 529, 'error-overloaded.json')).toMatchObject({ kind: 'overloaded', retryable: true });
    expect(read('anthropic-messages', 400, 'error-prompt-too-long.json')).toMatchObject({
      kind: 'context-length',
      message: 'prompt is too long: 210000 tokens > 200000 maximum',
      retryable: false,
    });
  });

  it('reads error bodies of any shape without words of its own', () => {
    const codec = codecs['openai-chat'];
    expect(codec.readError(502, '<html><h1>Bad Gateway</h1></html>')).toMatchObject({ kind: 'server', message: '', retryable: true });
    expect(codec.readError(429, '')).toMatchObject({ kind: 'rate-limit', message: '', retryable: true });
    expect(codec.readError(400, '{"error":"bad"}')).toMatchObject({ kind: 'invalid-request', message: 'bad' });
    expect(codec.readError(400, '[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]')).toMatchObject({
      message: 'no',
      code: '400',
    });
    expect(codec.readError(422, '{"detail":"missing field"}')).toMatchObject({ message: 'missing field', retryable: false });
    expect(codec.readError(501, '{}')).toMatchObject({ kind: 'not-supported', retryable: false });
  });
});
