import { describe, expect, it } from 'vitest';
import type { Json } from '../../core/index.ts';
import { codecs, type Protocol } from './index.ts';

const DATA = 'JVBERi0xLjQK';
const URL = `data:application/pdf;base64,${DATA}`;

/** A request whose one message holds one part. */
const bodyOf: Readonly<Record<Protocol, (part: Json) => Json>> = {
  'openai-chat': (part) => ({ model: 'm', messages: [{ role: 'user', content: [part] }] }),
  'openai-responses': (part) => ({ model: 'm', input: [{ type: 'message', role: 'user', content: [part] }] }),
  'anthropic-messages': (part) => ({ model: 'm', messages: [{ role: 'user', content: [part] }] }),
};
const read = (protocol: Protocol, part: Json) => codecs[protocol].readRequest(bodyOf[protocol](part));

/** The part as it reaches an upstream, among all that is written. */
function written(protocol: Protocol, part: Json, to: Protocol): Json {
  const { body } = codecs[to].writeRequest(read(protocol, part).request, { model: 'm', stream: false });
  const messages = (body.messages ?? body.input) as readonly { readonly content: readonly Json[] }[];
  return messages[0]?.content[0] ?? null;
}

/** The same PDF in the words of each protocol. */
const named: Readonly<Record<Protocol, Json>> = {
  'openai-chat': { type: 'file', file: { filename: 'a.pdf', file_data: URL } },
  'openai-responses': { type: 'input_file', filename: 'a.pdf', file_data: URL },
  'anthropic-messages': { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: DATA }, title: 'a.pdf' },
};
const protocols = Object.keys(named) as Protocol[];

describe('a PDF in a request', () => {
  it.each(protocols.flatMap((from) => protocols.map((to) => [from, to] as const)))('goes from %s to %s with its name', (from, to) => {
    expect(read(from, named[from]).untranslatable).toEqual([]);
    expect(written(from, named[from], to)).toEqual(named[to]);
  });

  it('gets a name where one is needed, and none where it is not', () => {
    const { title: _title, ...bare } = named['anthropic-messages'] as { title: string };
    expect(written('anthropic-messages', bare, 'openai-chat')).toEqual({
      type: 'file',
      file: { filename: 'document.pdf', file_data: URL },
    });
    expect(written('openai-chat', { type: 'file', file: { file_data: URL } }, 'anthropic-messages')).toEqual(bare);
  });

  it('keeps what only its own protocol knows, for that protocol', () => {
    const file = { type: 'file', file: { filename: 'a.pdf', file_data: URL, extra: 1 }, prompt_cache_breakpoint: { mode: 'explicit' } };
    const input = { ...(named['openai-responses'] as object), detail: 'high' };
    const block = { ...(named['anthropic-messages'] as object), cache_control: { type: 'ephemeral' }, citations: { enabled: false } };
    expect(written('openai-chat', file, 'openai-chat')).toEqual(file);
    expect(written('openai-responses', input, 'openai-responses')).toEqual(input);
    expect(written('anthropic-messages', block, 'anthropic-messages')).toEqual(block);
    expect(written('openai-chat', file, 'openai-responses')).toEqual(named['openai-responses']);
    expect(written('openai-responses', input, 'anthropic-messages')).toEqual(named['anthropic-messages']);
    expect(written('anthropic-messages', block, 'openai-chat')).toEqual(named['openai-chat']);
  });

  it('that a tool showed follows its result, where results hold text only', () => {
    const result = { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'found' }, named['anthropic-messages']] };
    const { request } = codecs['anthropic-messages'].readRequest(bodyOf['anthropic-messages'](result));
    expect(codecs['openai-chat'].writeRequest(request, { model: 'm', stream: false }).body.messages).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: 'found' },
      { role: 'user', content: [named['openai-chat']] },
    ]);
    expect(codecs['openai-responses'].writeRequest(request, { model: 'm', stream: false }).body.input).toEqual([
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'found' }, named['openai-responses']] },
    ]);
  });
});

describe('what others than the user show', () => {
  const image = 'data:image/png;base64,iVBO';
  it.each<[string, Protocol, Json, Json]>([
    ['a system message', 'openai-chat', { messages: [{ role: 'system', content: [named['openai-chat']] }] }, 'messages[0].content[0]'],
    [
      'an answer',
      'openai-chat',
      {
        messages: [
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: { url: image } },
            ],
          },
        ],
      },
      'messages[0].content[1]',
    ],
    ['a developer', 'openai-responses', { input: [{ role: 'developer', content: [named['openai-responses']] }] }, 'input[0].content[0]'],
    [
      'an answer',
      'anthropic-messages',
      { messages: [{ role: 'assistant', content: [named['anthropic-messages']] }] },
      'messages[0].content[0]',
    ],
  ])('is of its own protocol alone: %s of %s', (_who, protocol, body, path) => {
    expect(codecs[protocol].readRequest({ model: 'm', ...(body as object) }).untranslatable).toEqual([path]);
  });
});

describe('a file that not every protocol takes', () => {
  const pdf = { type: 'base64', media_type: 'application/pdf', data: DATA };
  it.each<[string, Protocol, Json]>([
    ['lies with the provider', 'openai-chat', { type: 'file', file: { file_id: 'file-1' } }],
    ['lies with the provider and is given, too', 'openai-chat', { type: 'file', file: { file_id: 'file-1', file_data: URL } }],
    ['has a name that is none', 'openai-chat', { type: 'file', file: { filename: 5, file_data: URL } }],
    ['is no PDF', 'openai-responses', { type: 'input_file', filename: 'a.csv', file_data: 'data:text/csv;base64,YQ==' }],
    ['lies with the provider', 'openai-responses', { type: 'input_file', file_id: 'file-1' }],
    ['lies somewhere', 'openai-responses', { type: 'input_file', file_url: 'https://a.example/a.pdf' }],
    ['lies somewhere', 'anthropic-messages', { type: 'document', source: { type: 'url', url: 'https://a.example/a.pdf' } }],
    ['is a text', 'anthropic-messages', { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } }],
    ['is to be cited', 'anthropic-messages', { type: 'document', source: pdf, citations: { enabled: true } }],
    ['has a context of its own', 'anthropic-messages', { type: 'document', source: pdf, context: 'Of 2019.' }],
  ])('%s: %s names it, and writes it back as it was', (_what, protocol, part) => {
    expect(read(protocol, part).untranslatable).toHaveLength(1);
    expect(written(protocol, part, protocol)).toEqual(part);
  });
});
