import { describe, expect, it } from 'vitest';
import type { Json, ModelRequest } from '../../core/index.ts';
import { codecs, type Protocol, type Quirks } from './index.ts';

/** What an upstream of another protocol is sent for a client's body. */
function translated(
  from: Protocol,
  body: Record<string, unknown>,
  to: Protocol,
  quirks: Quirks = {},
  stream = false,
): Record<string, unknown> {
  const { request } = codecs[from].readRequest({ model: 'alias', ...body } as unknown as Json);
  return JSON.parse(JSON.stringify(codecs[to].writeRequest(request, { model: 'real', stream, quirks }).body)) as Record<string, unknown>;
}

const ask = [{ role: 'user', content: 'hi' }];
const schema = { type: 'object', properties: { label: { type: 'string' } }, required: ['label'] };

const toolTurns = [
  { role: 'system', content: 'Be brief.' },
  { role: 'developer', content: 'Use tools.' },
  { role: 'user', content: 'Weather in Paris and Rome?' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
      { id: 'functions.weather:1', type: 'function', function: { name: 'weather', arguments: '' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
  { role: 'tool', tool_call_id: 'functions.weather:1', content: [{ type: 'text', text: 'rain' }] },
  { role: 'user', content: 'And tomorrow?' },
];

describe('chat completions to messages', () => {
  it('hoists system messages and keeps two tool results and what follows one turn of the user', () => {
    expect(translated('openai-chat', { messages: toolTurns }, 'anthropic-messages')).toEqual({
      model: 'real',
      max_tokens: 4096,
      system: [
        { type: 'text', text: 'Be brief.' },
        { type: 'text', text: 'Use tools.' },
      ],
      messages: [
        { role: 'user', content: 'Weather in Paris and Rome?' },
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Paris' } },
            { type: 'tool_use', id: 'functions_weather_1', name: 'weather', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: 'sunny' },
            { type: 'tool_result', tool_use_id: 'functions_weather_1', content: 'rain' },
            { type: 'text', text: 'And tomorrow?' },
          ],
        },
      ],
    });
  });

  it('translates tools, their choice, limits, effort and the user, and leaves out what has no place', () => {
    const body = {
      messages: ask,
      max_completion_tokens: 50,
      stop: 'END',
      seed: 7,
      logprobs: true,
      top_logprobs: 2,
      reasoning_effort: 'minimal',
      user: 'u-1',
      metadata: { task: 'classify' },
      frequency_penalty: 0.5,
      tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters: schema, strict: true } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
    };
    expect(translated('openai-chat', body, 'anthropic-messages', {}, true)).toEqual({
      model: 'real',
      max_tokens: 50,
      messages: ask,
      tools: [{ name: 'f', description: 'd', input_schema: schema, strict: true }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      output_config: { effort: 'low' },
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      stream: true,
    });
  });

  it('asks for structured output natively, with limits that are refused there said in words', () => {
    const wide = {
      type: 'object',
      properties: { n: { type: 'integer', minimum: 1, description: 'count' }, s: { oneOf: [{ type: 'string', format: 'email' }] } },
    };
    const body = { messages: ask, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: wide } } };
    expect(translated('openai-chat', body, 'anthropic-messages').output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { n: { type: 'integer', description: 'count\n\n{minimum: 1}' }, s: { anyOf: [{ type: 'string', format: 'email' }] } },
          additionalProperties: false,
        },
      },
    });
  });

  it('asks for structured output by a forced tool or in words where an upstream has none', () => {
    const body = { messages: ask, response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } };
    expect(translated('openai-chat', body, 'anthropic-messages', { structuredOutput: 'tool' })).toMatchObject({
      tools: [{ name: 'give_answer', input_schema: schema }],
      tool_choice: { type: 'tool', name: 'give_answer' },
    });
    expect(translated('openai-chat', body, 'anthropic-messages', { structuredOutput: 'instruction' }).system).toMatch(
      /JSON Schema.*\n\{"type":"object"/,
    );
    expect(translated('openai-chat', body, 'openai-chat', { structuredOutput: 'instruction' })).toMatchObject({
      messages: [{ role: 'system' }, { role: 'user' }],
      response_format: { type: 'json_object' },
    });
  });

  it('turns a prompt of system messages alone into a question, and drops empty text', () => {
    expect(translated('openai-chat', { messages: [{ role: 'system', content: 'Say hi.' }] }, 'anthropic-messages')).toEqual({
      model: 'real',
      max_tokens: 4096,
      messages: [{ role: 'user', content: 'Say hi.' }],
    });
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'b' },
    ];
    expect(translated('openai-chat', { messages }, 'anthropic-messages').messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
  });
});

describe('messages to chat completions', () => {
  const turns = {
    max_tokens: 200,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } },
          { type: 'text', text: 'What?' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'EqQ=' },
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 'it' } },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            content: [
              { type: 'text', text: 'seen' },
              { type: 'image', source: { type: 'url', url: 'https://a.example/x.png' } },
            ],
          },
          { type: 'text', text: 'So?' },
        ],
      },
    ],
  };

  it('unfolds blocks into messages, images into URLs, and shows images of tool results as the user', () => {
    expect(translated('anthropic-messages', turns, 'openai-chat', { maxTokensField: 'max_completion_tokens' }, true)).toEqual({
      model: 'real',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
            { type: 'text', text: 'What?' },
          ],
        },
        {
          role: 'assistant',
          content: 'Let me look.',
          tool_calls: [{ id: 'toolu_1', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } }],
        },
        { role: 'tool', tool_call_id: 'toolu_1', content: 'seen' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://a.example/x.png' } },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
      max_completion_tokens: 200,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('writes thinking, cache control and unknown members back to its own protocol, byte for byte', () => {
    expect(translated('anthropic-messages', { ...turns, top_k: 5, context_management: { edits: [] } }, 'anthropic-messages')).toEqual({
      model: 'real',
      ...turns,
      top_k: 5,
      context_management: { edits: [] },
    });
  });

  it('raises max_tokens above a thinking budget, which has to fit into it', () => {
    const body = { messages: ask, max_tokens: 1000, thinking: { type: 'enabled', budget_tokens: 2000 } };
    expect(translated('anthropic-messages', body, 'anthropic-messages').max_tokens).toBe(3000);
  });
});

describe('responses', () => {
  const body = {
    instructions: 'Be brief.',
    input: [
      { role: 'user', content: [{ type: 'input_image', image_url: 'https://a.example/x.png', detail: 'low' }] },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'gAAA' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Looking.', annotations: [] }] },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
      { type: 'function_call', call_id: 'c2', name: 'look', arguments: '{"n":2}' },
      { type: 'function_call_output', call_id: 'c1', output: 'one' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'two' }] },
    ],
    max_output_tokens: 100,
    text: { format: { type: 'json_schema', name: 'x', schema, strict: true }, verbosity: 'low' },
  };

  it('become chat completions: one assistant message, a message for each result', () => {
    expect(translated('openai-responses', body, 'openai-chat')).toEqual({
      model: 'real',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.example/x.png' } }] },
        {
          role: 'assistant',
          content: 'Looking.',
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } },
            { id: 'c2', type: 'function', function: { name: 'look', arguments: '{"n":2}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'one' },
        { role: 'tool', tool_call_id: 'c2', content: 'two' },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
      max_tokens: 100,
    });
  });

  it('become messages: two results in one turn, foreign reasoning left out', () => {
    const written = translated('openai-responses', body, 'anthropic-messages');
    expect(written.messages).toMatchObject([
      { role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://a.example/x.png' } }] },
      { role: 'assistant', content: [{ type: 'text' }, { type: 'tool_use', id: 'c1' }, { type: 'tool_use', id: 'c2', input: { n: 2 } }] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', content: 'one' },
          { type: 'tool_result', content: 'two' },
        ],
      },
    ]);
    expect(JSON.stringify(written)).not.toContain('gAAA');
  });

  it('are written with nothing stored, the smallest limit that is taken, and logprobs by include', () => {
    const chat = { messages: toolTurns.slice(0, 3), max_tokens: 1, logprobs: true, top_logprobs: 3, reasoning_effort: 'low' };
    expect(translated('openai-chat', chat, 'openai-responses')).toEqual({
      model: 'real',
      store: false,
      instructions: 'Be brief.',
      input: [
        { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Use tools.' }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Weather in Paris and Rome?' }] },
      ],
      max_output_tokens: 16,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 3,
      reasoning: { effort: 'low' },
    });
  });
});

describe('what belongs to one protocol', () => {
  it('is named, so that a translated call can be refused instead of answered wrongly', () => {
    const read = (protocol: Protocol, body: Record<string, unknown>): readonly string[] =>
      codecs[protocol].readRequest({ model: 'm', ...body } as unknown as Json).untranslatable;
    expect(read('openai-chat', { messages: ask, n: 2, tools: [{ type: 'custom', custom: { name: 'x' } }], logit_bias: { 5: 1 } })).toEqual([
      'tools[0]',
      'n',
      'logit_bias',
    ]);
    expect(
      read('openai-chat', { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }], n: 1, logit_bias: {} }),
    ).toEqual(['messages[0].content[0]']);
    expect(read('openai-responses', { previous_response_id: 'resp_1', background: true })).toEqual(['previous_response_id', 'background']);
    expect(read('openai-responses', { input: [{ type: 'item_reference', id: 'x' }], tools: [{ type: 'web_search' }] })).toEqual([
      'tools[0]',
      'input[0]',
    ]);
    const document = { type: 'document', source: { type: 'file', file_id: 'file_1' } };
    const redacted = { type: 'redacted_thinking', data: 'x' };
    expect(
      read('anthropic-messages', {
        messages: [
          { role: 'user', content: [document] },
          { role: 'assistant', content: [redacted] },
        ],
        tools: [{ type: 'web_search_20250305', name: 'web_search' }],
      }),
    ).toEqual(['tools[0]', 'messages[0].content[0]']);
  });

  it('goes back to its own protocol: opaque parts and tools of other kinds', () => {
    const tool = { type: 'web_search_20250305', name: 'web_search' };
    const document = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } };
    const body = { max_tokens: 5, messages: [{ role: 'user', content: [document] }], tools: [tool, { name: 'f', input_schema: schema }] };
    expect(translated('anthropic-messages', body, 'anthropic-messages')).toEqual({ model: 'real', ...body });
    expect(translated('openai-responses', { input: 'x', tools: [{ type: 'web_search' }] }, 'openai-responses').tools).toEqual([
      { type: 'web_search' },
    ]);
  });

  it('a signature reaches only who issued it, through a client of any protocol', () => {
    const thinking = (signature: string, protocol: string): ModelRequest => ({
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'q' }] },
        { role: 'assistant', content: [{ type: 'thinking', text: 'hm', signature, protocol }] },
      ],
    });
    const target = { model: 'm', stream: false };
    expect(JSON.stringify(codecs['anthropic-messages'].writeRequest(thinking('SIG', 'anthropic-messages'), target).body)).toContain(
      '"signature":"SIG"',
    );
    expect(JSON.stringify(codecs['anthropic-messages'].writeRequest(thinking('SIG', 'openai-responses'), target).body)).not.toContain(
      'SIG',
    );
    expect(JSON.stringify(codecs['openai-responses'].writeRequest(thinking('SIG', 'anthropic-messages'), target).body)).not.toContain(
      'SIG',
    );
    expect(JSON.stringify(codecs['openai-chat'].writeRequest(thinking('SIG', 'anthropic-messages'), target).body)).not.toContain('SIG');
  });
});

describe('quirks', () => {
  it('leave out what an upstream refuses', () => {
    const body = {
      messages: ask,
      seed: 1,
      logprobs: true,
      top_logprobs: 2,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      temperature: 0,
    };
    expect(
      translated(
        'openai-chat',
        body,
        'openai-chat',
        { omit: ['seed'], noLogprobs: true, noStreamOptions: true, systemRole: 'developer' },
        true,
      ),
    ).toEqual({
      model: 'real',
      messages: ask,
      temperature: 0,
      stream: true,
    });
  });

  it('never changes a value: what is out of range is the upstream’s to refuse', () => {
    expect(translated('openai-chat', { messages: ask, temperature: 9 }, 'anthropic-messages').temperature).toBe(9);
  });
});
