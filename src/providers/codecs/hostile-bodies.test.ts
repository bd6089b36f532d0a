import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askingClient, contextFor, readStream } from '../../../test/support/wire.ts';
import type { Json, ModelEvent } from '../../core/index.ts';
import { codecs, MalformedRequest, type Protocol, parseBody } from './index.ts';

const protocols = Object.keys(codecs) as Protocol[];
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What reading a body ends in: the error's path and message, or 'read'. Anything but a MalformedRequest fails the test. */
function verdict(protocol: Protocol, body: unknown): string {
  try {
    codecs[protocol].readRequest(body as Json);
    return 'read';
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    expect(error.status).toBe(400);
    expect(error.message).not.toBe('');
    return `${error.path}: ${error.message}`;
  }
}

describe('parseBody', () => {
  it('refuses what is no JSON, in words', () => {
    const message = (bytes: Uint8Array): string => {
      try {
        parseBody(bytes);
        return 'read';
      } catch (error) {
        return error instanceof MalformedRequest ? error.message : 'an error of another kind';
      }
    };
    expect(message(encode(''))).toBe('The body is empty.');
    expect(message(encode('  \n'))).toBe('The body is empty.');
    expect(message(encode('{"a":'))).toBe('The body is not valid JSON.');
    expect(message(new Uint8Array([0x22, 0xff, 0x22]))).toBe('The body is not valid UTF-8.');
    expect(message(encode('['.repeat(100_000) + ']'.repeat(100_000)))).toBe('The body is nested deeper than 512 levels.');
    expect(message(encode(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`))).toBe('The body is nested deeper than 512 levels.');
    expect(message(encode(`["${'['.repeat(1000)}\\"${'{'.repeat(1000)}"]`))).toBe('read');
    expect(message(encode('['.repeat(512) + ']'.repeat(512)))).toBe('read');
    // Where strings end decides what is nesting: quotes and backslashes at every distance from the start.
    for (let length = 0; length < 140; length++) {
      const value = `${'x'.repeat(length)}\\\\"[[[{{{`;
      expect(parseBody(encode(JSON.stringify([value, value])))).toEqual([value, value]);
      expect(message(encode(`["${'x'.repeat(length)}\\\\",${'['.repeat(600)}`))).toBe('The body is nested deeper than 512 levels.');
      expect(message(encode(`["${'x'.repeat(length)}\\"${'['.repeat(600)}"]`))).toBe('read');
    }
  });
});

describe('malformed requests', () => {
  const chat = (messages: unknown): string => verdict('openai-chat', { model: 'm', messages });
  const anthropic = (messages: unknown): string => verdict('anthropic-messages', { model: 'm', max_tokens: 5, messages });
  const responses = (input: unknown): string => verdict('openai-responses', { model: 'm', input });

  it('are told where they are wrong', () => {
    expect(chat([null])).toBe('messages[0]: messages[0] must be an object, not null.');
    expect(chat([])).toBe('messages: messages must hold at least one message.');
    expect(chat('hi')).toBe('messages: messages must be an array, not a string.');
    expect(chat([{ role: 'user', content: 5 }])).toBe(
      'messages[0].content: messages[0].content must be a string or an array of content parts.',
    );
    expect(chat([{ role: 'user', content: [{ type: 'image_url', image_url: 'x' }] }])).toBe(
      'messages[0].content[0].image_url: messages[0].content[0].image_url must be an object, not a string.',
    );
    expect(chat([{ role: 'robot', content: 'x' }])).toBe(
      'messages[0].role: messages[0].role must be system, developer, user, assistant or tool.',
    );
    expect(chat([{ role: 'assistant', tool_calls: [{ id: 'a' }] }])).toBe(
      'messages[0].tool_calls[0].function: messages[0].tool_calls[0].function must be an object, not nothing.',
    );
    expect(anthropic([null])).toBe('messages[0]: messages[0] must be an object, not null.');
    expect(anthropic([{ role: 'tool', content: 'x' }])).toBe('messages[0].role: messages[0].role must be user or assistant.');
    expect(anthropic([{ role: 'user', content: [{ type: 'tool_result' }] }])).toBe(
      'messages[0].content[0].tool_use_id: messages[0].content[0].tool_use_id must be a string, not nothing.',
    );
    expect(responses([null])).toBe('input[0]: input[0] must be an object, not null.');
    expect(responses(undefined)).toBe('input: input must be a string or an array of items.');
    expect(responses([{ type: 'function_call', call_id: 'x' }])).toBe('input[0].name: input[0].name must be a string, not nothing.');
  });

  it.each(protocols)('%s: wrong types of every member are refused, and unknown members are not', (protocol) => {
    const good = askingClient(protocol).body;
    for (const body of [null, [], 'text', 5, true, {}, { ...good, model: 5 }, { ...good, model: '' }, { ...good, stream: 'yes' }]) {
      expect(verdict(protocol, body)).not.toBe('read');
    }
    for (const key of ['temperature', 'top_p', 'tools'])
      expect(verdict(protocol, { ...good, [key]: 'x' })).toMatch(new RegExp(`^${key}: `));
    expect(verdict(protocol, { ...good, tools: [null] })).toMatch(/^tools\[0\]: /);
    expect(verdict(protocol, { ...good, tool_choice: 7 })).toMatch(/^tool_choice: /);
    expect(verdict(protocol, { ...good, x_new: { deep: [1] }, temperature: null })).toBe('read');
  });

  it.each(protocols)('%s: any JSON at any place is read or refused, never an accident', (protocol) => {
    const good = askingClient(protocol).body;
    const keys = [
      ...Object.keys(good),
      'tools',
      'tool_choice',
      'response_format',
      'text',
      'output_config',
      'reasoning',
      'metadata',
      'system',
      'stop',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 }), (key, value) => {
        verdict(protocol, { ...good, [key]: value });
      }),
      { numRuns: 500 },
    );
  });

  it.each(protocols)(
    '%s: any change inside a rich request is read or refused, and what is read can be written to every protocol',
    (protocol) => {
      const rich: Record<Protocol, unknown> = {
        'openai-chat': {
          model: 'm',
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'a' },
                { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
              ],
            },
            { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
            { role: 'tool', tool_call_id: 'c', content: 'r' },
          ],
          tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
          response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } },
        },
        'openai-responses': {
          model: 'm',
          input: [
            { role: 'user', content: [{ type: 'input_text', text: 'a' }] },
            { type: 'reasoning', id: 'rs', summary: [{ type: 'summary_text', text: 't' }], encrypted_content: 'x' },
            { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
            { type: 'function_call_output', call_id: 'c', output: 'r' },
          ],
          text: { format: { type: 'json_schema', name: 's', schema: { type: 'object' } } },
          reasoning: { effort: 'low', summary: 'auto' },
        },
        'anthropic-messages': {
          model: 'm',
          max_tokens: 5,
          system: [{ type: 'text', text: 's' }],
          messages: [
            {
              role: 'assistant',
              content: [
                { type: 'thinking', thinking: 't', signature: 'x' },
                { type: 'tool_use', id: 'c', name: 'f', input: {} },
              ],
            },
            { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: [{ type: 'text', text: 'r' }] }] },
          ],
          tools: [{ name: 'f', input_schema: { type: 'object' } }],
          output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
        },
      };
      const text = JSON.stringify(rich[protocol]);
      const values = [...text.matchAll(/(?<=[:[,])(?:"[^":,]*"|\{\}|\[\])(?=[,\]}])/g)].map((match) => match.index);
      fc.assert(
        fc.property(fc.constantFrom(...values), fc.jsonValue({ maxDepth: 2 }), (at, value) => {
          const length = /^("[^"]*"|\{\}|\[\])/.exec(text.slice(at))?.[0].length ?? 0;
          const body = JSON.parse(text.slice(0, at) + JSON.stringify(value) + text.slice(at + length)) as Json;
          if (verdict(protocol, body) !== 'read') return;
          const { request } = codecs[protocol].readRequest(body);
          for (const other of protocols) {
            const written = codecs[other].writeRequest(request, { model: 'm', stream: false }).body;
            expect(JSON.parse(JSON.stringify(written))).toMatchObject({ model: 'm' });
          }
        }),
        { numRuns: 500 },
      );
    },
  );

  it('members called __proto__ stay members and change nothing', () => {
    for (const protocol of protocols) {
      const good = JSON.stringify(askingClient(protocol).body);
      const body = parseBody(encode(`${good.slice(0, -1)},"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`));
      const read = codecs[protocol].readRequest(body);
      const written = codecs[protocol].writeRequest(read.request, { model: 'm', stream: false }).body;
      expect(Object.getPrototypeOf(written)).toBe(Object.prototype);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      expect(JSON.stringify(written)).toContain('"__proto__":{"polluted":true}');
    }
  });
});

describe('hostile answers', () => {
  it.each(protocols)('%s: any JSON as an answer or a chunk gives events with one end', (protocol) => {
    const known = fc.constantFrom(
      'choices',
      'delta',
      'message',
      'content',
      'type',
      'output',
      'item',
      'response',
      'tool_calls',
      'usage',
      'error',
      'index',
    );
    const type = fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'message_delta',
      'response.output_item.done',
      'response.completed',
    );
    const chunk = fc.oneof(fc.jsonValue(), fc.dictionary(known, fc.oneof(fc.jsonValue({ maxDepth: 3 }), type)));
    const ends = (events: readonly ModelEvent[]): void => {
      expect(events.filter((event) => event.type === 'end')).toHaveLength(1);
      expect(events.at(-1)?.type).toBe('end');
    };
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
        ends(codecs[protocol].readResponse(chunks[0]));
        const text = chunks.map((value) => `data: ${JSON.stringify(value)}\n\n`).join('');
        const events = readStream(codecs[protocol].streamReader(), Buffer.from(text));
        ends(events);
        for (const other of protocols) {
          const writer = codecs[other].streamWriter(contextFor(askingClient(other)));
          for (const event of events) writer.push(event);
          writer.finish();
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('a code or type %s is a word like any other', (word) => {
    for (const protocol of protocols) {
      const { kind } = codecs[protocol].readError(404, JSON.stringify({ error: { code: word, type: word, message: 'none' } }));
      expect(kind).toBe('not-found');
    }
  });

  it('reads error bodies of any kind', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, text) => {
        const error = codecs['openai-chat'].readError(status, text);
        expect(error.status).toBe(status);
        for (const protocol of protocols) codecs[protocol].writeError(status, error);
      }),
    );
  });
});
