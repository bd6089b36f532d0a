import { describe, expect, it } from 'vitest';
import {
  askingClient,
  contextFor,
  framesOf,
  merged,
  readStream,
  recorded,
  recordedJson,
  writtenStream,
} from '../../../test/support/wire.ts';
import { type ModelEvent, usage } from '../../core/index.ts';
import { type AnswerContext, codecs, type Protocol } from './index.ts';

const protocols = Object.keys(codecs) as Protocol[];

/** The stream that a client of `to` gets for a recorded stream of `from`, as [event name, data]. */
function translated(
  from: Protocol,
  name: string,
  to: Protocol,
  context: AnswerContext = contextFor(askingClient(to)),
): [string | null, unknown][] {
  const events = readStream(codecs[from].streamReader(), recorded(`${from}/${name}`));
  return told(writtenStream(codecs[to], events, context));
}

function told(text: string): [string | null, unknown][] {
  return framesOf(Buffer.from(text)).map(({ event, data }) => [event, data === '[DONE]' ? data : (JSON.parse(data) as unknown)]);
}

const text = (value: string): ModelEvent => ({ type: 'text', text: value });
const end = (stop: 'done' | 'length' | 'tool-call' | 'refusal' | 'content-filter' | 'stop-sequence' | 'cut'): ModelEvent => ({
  type: 'end',
  stop,
  usage: usage({ freshInput: 5, output: 2 }),
  usageSource: 'reported',
});
const call = (index: number, args: string, id: string | null = null, name: string | null = null): ModelEvent => ({
  type: 'tool-call',
  index,
  id,
  name,
  arguments: args,
});

describe('a chat stream told as messages', () => {
  it('starts with real input tokens, tells one block after the other, and ends with cumulative usage', () => {
    expect(translated('openai-chat', 'stream-tools.sse', 'anthropic-messages')).toEqual([
      [
        'message_start',
        {
          type: 'message_start',
          message: {
            id: 'msg_a1',
            type: 'message',
            role: 'assistant',
            model: 'asked-model',
            content: [],
            stop_reason: null,
            stop_sequence: null,
            usage: { input_tokens: 77, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
          },
        },
      ],
      [
        'content_block_start',
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'call_1', name: 'get_weather', input: {} } },
      ],
      ['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"city":' } }],
      ['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '"Paris"}' } }],
      ['content_block_stop', { type: 'content_block_stop', index: 0 }],
      [
        'content_block_start',
        { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 'call_2', name: 'get_weather', input: {} } },
      ],
      [
        'content_block_delta',
        { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"city":"Rome"}' } },
      ],
      ['content_block_stop', { type: 'content_block_stop', index: 1 }],
      [
        'message_delta',
        {
          type: 'message_delta',
          delta: { stop_reason: 'tool_use', stop_sequence: null },
          usage: {
            input_tokens: 60,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
            output_tokens: 32,
          },
        },
      ],
      ['message_stop', { type: 'message_stop' }],
    ]);
  });

  it('names every frame after its type', () => {
    for (const name of ['stream-text.sse', 'stream-reasoning-crlf.sse', 'stream-tools-same-index.sse', 'stream-cut.sse']) {
      for (const [event, data] of translated('openai-chat', name, 'anthropic-messages'))
        expect(event).toBe((data as { type: string }).type);
    }
  });

  it('gives calls without ids one each, and finishes one call before the next however the upstream mixes them', () => {
    const mixed = [call(0, '{"a"', 'x', 'f'), call(1, '{"b":', 'y', 'g'), call(0, ':1}'), call(1, '2}'), text('after'), end('tool-call')];
    const frames = told(writtenStream(codecs['anthropic-messages'], mixed, contextFor()));
    const read = readStream(
      codecs['anthropic-messages'].streamReader(),
      Buffer.from(writtenStream(codecs['anthropic-messages'], mixed, contextFor())),
    );
    expect(merged(read).slice(1, -1)).toEqual([call(0, '{"a":1}', 'x', 'f'), call(1, '{"b":2}', 'y', 'g'), text('after')]);
    const open = new Set<unknown>();
    for (const [event, data] of frames) {
      const { index } = data as { index: unknown };
      if (event === 'content_block_start') open.add(index);
      if (event === 'content_block_stop') open.delete(index);
      expect(open.size).toBeLessThanOrEqual(1);
    }
    const ids = translated('openai-chat', 'stream-tools-same-index.sse', 'anthropic-messages')
      .map(([, data]) => (data as { content_block?: { id: string } }).content_block?.id)
      .filter((id) => id !== undefined);
    expect(ids).toEqual(['toolu_a1_0', 'toolu_a1_1']);
  });
});

describe('a message stream told as chat completions', () => {
  const context = (body: Record<string, unknown>): AnswerContext => contextFor(askingClient('openai-chat', body));

  it('has the role first, one index per call, a finish reason, usage with cached tokens, and [DONE]', () => {
    const frames = translated('anthropic-messages', 'stream-thinking-tools.sse', 'openai-chat').map(([event, data]) => {
      expect(event).toBeNull();
      if (data === '[DONE]') return data;
      const { choices, usage: counted } = data as { choices: { delta: unknown; finish_reason: unknown }[]; usage: unknown };
      return choices.length === 0 ? counted : [choices[0]?.delta, choices[0]?.finish_reason, counted];
    });
    expect(frames).toEqual([
      [{ role: 'assistant', content: '', refusal: null }, null, null],
      [{ reasoning_content: 'Let me see.' }, null, null],
      [{ content: 'Okay' }, null, null],
      [{ content: ", let's check." }, null, null],
      [
        {
          tool_calls: [
            { index: 0, id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', type: 'function', function: { name: 'get_weather', arguments: '' } },
          ],
        },
        null,
        null,
      ],
      [{ tool_calls: [{ index: 0, function: { arguments: '{"location":' } }] }, null, null],
      [{ tool_calls: [{ index: 0, function: { arguments: ' "Paris"}' } }] }, null, null],
      [{ tool_calls: [{ index: 1, id: 'toolu_02', type: 'function', function: { name: 'get_time', arguments: '' } }] }, null, null],
      [{ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }, null, null],
      [{}, 'tool_calls', null],
      {
        prompt_tokens: 572,
        completion_tokens: 89,
        total_tokens: 661,
        prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
      },
      '[DONE]',
    ]);
  });

  it('hides usage and log-probabilities from a client that did not ask, and more alternatives than it asked for', () => {
    const scored: ModelEvent = {
      type: 'text',
      text: 'a',
      logprobs: [
        {
          token: 'a',
          logprob: -0.1,
          top: [
            { token: 'a', logprob: -0.1 },
            { token: 'b', logprob: -3 },
          ],
        },
      ],
    };
    const silent = writtenStream(
      codecs['openai-chat'],
      [scored, end('done')],
      context({ stream_options: null, logprobs: false, top_logprobs: null }),
    );
    expect(silent).not.toContain('usage');
    expect(silent).not.toContain('"logprob"');
    expect(told(silent)).toHaveLength(4);
    const one = writtenStream(codecs['openai-chat'], [scored, end('done')], context({ top_logprobs: 1 }));
    expect(one).toContain(
      '{"content":[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.1,"bytes":[97]}]}],"refusal":null}',
    );
    const whole = codecs['openai-chat'].writeResponse([scored, end('done')], context({ logprobs: null }));
    expect(whole).toMatchObject({ choices: [{ logprobs: null }] });
    const other = writtenStream(
      codecs['openai-responses'],
      [scored, end('done')],
      contextFor(askingClient('openai-responses', { include: [] })),
    );
    expect(other).not.toContain('"logprob"');
  });

  it('says null for the content of an answer that only calls tools', () => {
    const events = codecs['anthropic-messages'].readResponse({
      ...(recordedJson('anthropic-messages/thinking-tools.json') as object),
      content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }],
    });
    expect(codecs['openai-chat'].writeResponse(events, context({}))).toMatchObject({
      choices: [
        {
          message: {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
          },
          finish_reason: 'tool_calls',
        },
      ],
    });
  });
});

describe('a stream told as responses', () => {
  it('numbers its events from 0 without gaps, in order, with every detail of usage', () => {
    const frames = translated('anthropic-messages', 'stream-thinking-tools.sse', 'openai-responses');
    expect(frames.map(([, data]) => (data as { sequence_number: number }).sequence_number)).toEqual(frames.map((_, i) => i));
    expect(frames.map(([event]) => event?.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    expect(frames.at(-1)?.[1]).toMatchObject({
      response: {
        status: 'completed',
        output: [
          { type: 'reasoning', encrypted_content: expect.stringMatching(/^smallfirst:anthropic-messages:EqQ/) },
          {
            type: 'message',
            status: 'completed',
            content: [{ type: 'output_text', text: "Okay, let's check.", annotations: [], logprobs: [] }],
          },
          { type: 'function_call', call_id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', arguments: '{"location": "Paris"}' },
          { type: 'function_call', call_id: 'toolu_02', arguments: '{}' },
        ],
        usage: {
          input_tokens: 572,
          input_tokens_details: { cached_tokens: 100, cache_write_tokens: 0 },
          output_tokens: 89,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 661,
        },
      },
    });
  });

  it('gives a signature back to its issuer, byte for byte, when the client sends it again', () => {
    const frames = translated('anthropic-messages', 'stream-thinking-tools.sse', 'openai-responses');
    const { response } = frames.at(-1)![1] as { response: { output: never[] } };
    const next = codecs['openai-responses'].readRequest({ model: 'm', input: [{ role: 'user', content: 'q' }, ...response.output] });
    const body = codecs['anthropic-messages'].writeRequest(next.request, { model: 'm', stream: false }).body as {
      messages: { content: unknown[] }[];
    };
    expect(body.messages[1]?.content[0]).toEqual({
      type: 'thinking',
      thinking: 'Let me see.',
      signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds==',
    });
    expect(next.untranslatable).toEqual([]);
  });

  it('echoes what was asked', () => {
    const client = askingClient('openai-responses', { instructions: 'x', temperature: 0.5, tools: [], metadata: { a: 'b' } });
    expect(codecs['openai-responses'].writeResponse([text('hi'), end('done')], contextFor(client))).toMatchObject({
      id: 'resp_a1',
      object: 'response',
      created_at: 1_790_000_000,
      model: 'asked-model',
      instructions: 'x',
      temperature: 0.5,
      metadata: { a: 'b' },
      error: null,
    });
  });
});

describe('citations and tiers', () => {
  it('keeps a citation that comes before its text, and a URL for clients of the other vendor', () => {
    const events = readStream(codecs['anthropic-messages'].streamReader(), recorded('anthropic-messages/stream-web-search.sse'));
    const citation = { url: 'https://weather.example/nyc', title: 'Weather', start_index: 0, end_index: 0 };
    expect(codecs['openai-chat'].writeResponse(events, contextFor())).toMatchObject({
      choices: [{ message: { content: 'It is sunny.', annotations: [{ type: 'url_citation', url_citation: citation }] } }],
      service_tier: 'default',
    });
    const responses = translated('anthropic-messages', 'stream-web-search.sse', 'openai-responses').at(-1)?.[1];
    expect(responses).toMatchObject({
      response: { output: [{ content: [{ text: 'It is sunny.', annotations: [{ type: 'url_citation', ...citation }] }] }] },
    });
    const own = codecs['anthropic-messages'].writeResponse(events, contextFor());
    expect(own).toMatchObject({
      content: [
        { type: 'server_tool_use' },
        { type: 'web_search_tool_result' },
        { text: 'It is sunny.', citations: [{ encrypted_index: 'Eo8B' }] },
      ],
      usage: { service_tier: 'standard' },
    });
  });
});

describe('why an answer ended', () => {
  const reasons: Record<string, unknown[]> = {
    done: ['stop', 'completed', 'end_turn'],
    length: ['length', 'incomplete', 'max_tokens'],
    'stop-sequence': ['stop', 'completed', 'stop_sequence'],
    'content-filter': ['content_filter', 'incomplete', 'refusal'],
    refusal: ['content_filter', 'incomplete', 'refusal'],
  };

  it.each(Object.entries(reasons))('%s is told in the words of each protocol', (stop, words) => {
    const events = [text('x'), end(stop as 'done')];
    const chat = codecs['openai-chat'].writeResponse(events, contextFor()) as { choices: [{ finish_reason: string }] };
    const responses = codecs['openai-responses'].writeResponse(events, contextFor());
    const messages = codecs['anthropic-messages'].writeResponse(events, contextFor());
    expect([chat.choices[0].finish_reason, responses.status, messages.stop_reason]).toEqual(words);
  });

  it('a refusal in words is an ordinary stop for OpenAI clients, and its words are shown', () => {
    const events: ModelEvent[] = [{ type: 'refusal', text: 'No.' }, end('refusal')];
    expect(codecs['openai-chat'].writeResponse(events, contextFor())).toMatchObject({
      choices: [{ message: { content: null, refusal: 'No.' }, finish_reason: 'stop' }],
    });
    expect(codecs['openai-responses'].writeResponse(events, contextFor())).toMatchObject({
      status: 'completed',
      output: [{ content: [{ type: 'refusal', refusal: 'No.' }] }],
    });
    expect(codecs['anthropic-messages'].writeResponse(events, contextFor())).toMatchObject({
      stop_reason: 'refusal',
      content: [{ type: 'text', text: 'No.' }],
    });
  });
});

describe('structured output by a forced tool', () => {
  it('comes back as text with an ordinary end, plain and streamed', () => {
    const request = { messages: [], responseFormat: { type: 'json-schema', name: 'x', schema: { type: 'object' }, strict: true } } as const;
    const target = { model: 'm', stream: true, quirks: { structuredOutput: 'tool' } } as const;
    for (const from of protocols) {
      const { reading } = codecs[from].writeRequest(request, target);
      const events = [call(0, '{"label":', 'c', 'give_answer'), call(0, '"a"}'), end('tool-call')];
      const stream = readStream(codecs[from].streamReader(reading), Buffer.from(writtenStream(codecs[from], events, contextFor())));
      const whole = codecs[from].readResponse(codecs[from].writeResponse(events, contextFor()), reading);
      for (const read of [stream, whole]) {
        expect(merged(read).slice(1, -1)).toEqual([text('{"label":"a"}')]);
        expect(read.at(-1)).toMatchObject({ type: 'end', stop: 'done' });
      }
    }
  });
});
