import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyInput } from '../../../test/support/tool-inputs.ts';
import { contextFor } from '../../../test/support/wire.ts';
import { bodyText, exactObject } from './exact-json.ts';
import { codecs } from './index.ts';
import { parseBody, parseJson } from './shape.ts';

const chat = codecs['openai-chat'];
const messages = codecs['anthropic-messages'];
const inputs = fc.array(anyInput, { minLength: 1, maxLength: 3 });

describe('arguments of tools', () => {
  it('go as they were written from chat to messages and back in a request', () => {
    fc.assert(
      fc.property(inputs, (texts) => {
        const calls = texts.map((text, i) => ({ id: `c${i}`, type: 'function', function: { name: 'f', arguments: text } }));
        const asked = {
          model: 'm',
          messages: [
            { role: 'user', content: 'hi' },
            { role: 'assistant', content: null, tool_calls: calls },
          ],
        };
        const there = messages.writeRequest(chat.readRequest(parseBody(Buffer.from(JSON.stringify(asked)))).request, {
          model: 'n',
          stream: false,
        });
        const bytes = Buffer.from(bodyText(there.body));
        for (const text of texts) expect(bytes.toString()).toContain(`"input":${text}`);
        const back = chat.writeRequest(messages.readRequest(parseBody(bytes)).request, { model: 'm', stream: false });
        expect((parseJson(bodyText(back.body)) as typeof asked).messages[1]?.tool_calls).toEqual(calls);
      }),
    );
  });

  it('go as they were written from chat to messages and back in an answer', () => {
    fc.assert(
      fc.property(inputs, (texts) => {
        const calls = texts.map((text, i) => ({ id: `c${i}`, type: 'function', function: { name: 'f', arguments: text } }));
        const choice = { index: 0, message: { role: 'assistant', content: null, tool_calls: calls }, finish_reason: 'tool_calls' };
        const context = contextFor(null);
        const there = bodyText(messages.writeResponse(chat.readResponse({ id: '1', choices: [choice] }), context));
        for (const text of texts) expect(there).toContain(`"input":${text}`);
        const back = chat.writeResponse(messages.readResponse(parseJson(there)), context);
        const said = parseJson(bodyText(back)) as { choices: (typeof choice)[] };
        expect(said.choices[0]?.message.tool_calls).toEqual(calls);
      }),
    );
  });
});

describe('an exact object', () => {
  it('is its parsed self to everybody but the writer of bodies', () => {
    fc.assert(
      fc.property(anyInput, (text) => {
        const plain = JSON.stringify(JSON.parse(text));
        expect(JSON.stringify({ input: exactObject(text) })).toBe(`{"input":${plain}}`);
        expect(bodyText({ input: exactObject(text) ?? undefined })).toBe(`{"input":${text}}`);
      }),
    );
  });

  it('is none for a text that holds no object, and escapes what is no UTF-8', () => {
    expect(['[1]', '7', 'null', '{', ''].map(exactObject)).toEqual([null, null, null, null, null]);
    expect(bodyText({ a: exactObject('{ "b": "\ud800" }') ?? undefined })).toBe('{"a":{"b":"\\ud800"}}');
  });
});
