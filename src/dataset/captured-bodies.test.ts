import { describe, expect, it } from 'vitest';
import { messagesOfBody, textOfAnswer } from './captured-bodies.ts';

const user = { role: 'user', content: 'hello' } as const;

describe('messagesOfBody', () => {
  it.each([
    ['chat', { model: 'm', messages: [{ role: 'system', content: 'short' }, user] }],
    ['Messages', { model: 'm', max_tokens: 5, system: 'short', messages: [user] }],
    ['Responses', { model: 'm', instructions: 'short', input: 'hello' }],
  ])('reads the messages of a %s request', (_protocol, body) => {
    expect(messagesOfBody(JSON.stringify(body))).toEqual([{ role: 'system', content: 'short' }, user]);
  });

  it.each([
    ['no JSON', 'hello'],
    ['another endpoint', '{"model":"m","file_id":"x"}'],
    [
      'a picture',
      JSON.stringify({
        model: 'm',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.example/a.png' } }] }],
      }),
    ],
    [
      'tools',
      JSON.stringify({
        model: 'm',
        messages: [user],
        tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      }),
    ],
    ['nobody asking', JSON.stringify({ model: 'm', messages: [{ role: 'system', content: 'short' }] })],
  ])('reads none from %s', (_what, body) => {
    expect(messagesOfBody(body)).toBe(null);
  });
});

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const frame = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

describe('textOfAnswer', () => {
  const completion = (message: object, finish = 'stop') =>
    JSON.stringify({
      object: 'chat.completion',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
    });

  it.each([
    ['the text of a ladder', 'card', 'card'],
    ['an answer that is JSON itself', '{"name":"Ann","choices":3}', '{"name":"Ann","choices":3}'],
    ['a chat completion', completion({ content: 'card' }), 'card'],
    [
      'a message',
      JSON.stringify({
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [{ type: 'text', text: 'card' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
      'card',
    ],
    ['a stream of chunks', `${chunk({ content: 'ca' })}${chunk({ content: 'rd' })}${chunk({}, 'stop')}data: [DONE]\n\n`, 'card'],
    [
      'a stream of a message',
      frame('message_start', { message: { id: 'm', model: 'c', usage: { input_tokens: 1, output_tokens: 1 } } }) +
        frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
        frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'card' } }) +
        frame('content_block_stop', { index: 0 }) +
        frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }) +
        frame('message_stop', {}),
      'card',
    ],
  ])('reads %s', (_what, body, text) => {
    expect(textOfAnswer(body)).toBe(text);
  });

  it.each([
    ['was cut', chunk({ content: 'ca' })],
    ['ran into its limit', completion({ content: 'ca' }, 'length')],
    ['was refused', JSON.stringify({ text: '', refusal: 'no', toolCalls: [] })],
    [
      'calls a tool',
      completion({ content: null, tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{}' } }] }, 'tool_calls'),
    ],
  ])('reads nothing from an answer that %s', (_what, body) => {
    expect(textOfAnswer(body)).toBe(null);
  });
});
