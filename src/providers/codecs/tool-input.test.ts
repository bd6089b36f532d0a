import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyInput } from '../../../test/support/tool-inputs.ts';
import { codecs } from './index.ts';
import { parseBody, parseJson } from './shape.ts';

const inputs = fc.array(anyInput, { minLength: 1, maxLength: 3 });

const blocks = (texts: readonly string[]): string =>
  texts.map((text, i) => `{"type":"tool_use","input": {"lost":1}, "id":"c${i}", "name":"f", "input" : ${text} }`).join(' , ');

describe('arguments of tools in Anthropic bodies', () => {
  it('are in our words as they were written in a request', () => {
    fc.assert(
      fc.property(inputs, (texts) => {
        const body = `{"model":"m","max_tokens":9,"messages":[],"messages":[{"role":"user","content":"input"} ,
          {"role":"assistant","content":[{"type":"text","text":"\\"input\\":{}"},${blocks(texts)}]}]}`;
        const { request } = codecs['anthropic-messages'].readRequest(parseBody(Buffer.from(body)));
        const calls = request.messages.flatMap(({ content }) => content.filter((part) => part.type === 'tool-call'));
        expect(calls.map((call) => call.arguments)).toEqual(texts);
        const { body: chat } = codecs['openai-chat'].writeRequest(request, { model: 'n', stream: false });
        const told = JSON.parse(JSON.stringify(chat)) as { messages: { tool_calls?: { function: { arguments: string } }[] }[] };
        expect(told.messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function.arguments)).toEqual(texts);
      }),
    );
  });

  it('are in our words as they were written in an answer', () => {
    fc.assert(
      fc.property(inputs, (texts) => {
        const answer = `{"id":"1","type":"message","model":"m","content":[${blocks(texts)}],"stop_reason":"tool_use"}`;
        const events = codecs['anthropic-messages'].readResponse(parseJson(answer));
        const told = events.flatMap((event) => (event.type === 'tool-call' && event.arguments !== '' ? [event.arguments] : []));
        expect(told).toEqual(texts);
      }),
    );
  });

  it('are so where a stream gives them whole', () => {
    const reader = codecs['anthropic-messages'].streamReader();
    const block = '{"type":"tool_use","id":"c","name":"f","input":{"a":12345678901234567890}}';
    const begun = reader.push({ event: null, data: `{"type":"content_block_start","index":0,"content_block":${block}}` });
    const over = reader.push({ event: null, data: '{"type":"content_block_stop","index":0}' });
    expect([...begun, ...over].map((event) => event.type === 'tool-call' && event.arguments)).toEqual(['', '{"a":12345678901234567890}']);
  });

  it('are none where there are none, and parsed where the scanner cannot follow', () => {
    const read = (input: string): string | undefined => {
      const events = codecs['anthropic-messages'].readResponse(parseJson(`{"content":[{"type":"tool_use","name":"f"${input}}]}`));
      return events.flatMap((event) => (event.type === 'tool-call' && event.arguments !== '' ? [event.arguments] : []))[0];
    };
    expect(read('')).toBe('{}');
    expect(read(', "input": null')).toBe('{}');
    const deep = `{"a":${'['.repeat(600)}${']'.repeat(600)}}`;
    expect(read(`, "input": ${deep}`)).toBe(deep);
  });
});
