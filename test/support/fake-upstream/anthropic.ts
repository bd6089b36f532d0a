import { asList, textIn, wordsOf } from './reading.ts';
import { piecesOf, sampleOf, tokensIn } from './sample.ts';
import type { Body, Reply } from './types.ts';

const HEADERS = {
  'request-id': 'req_fake_messages',
  'anthropic-ratelimit-requests-remaining': '999',
  'anthropic-organization-id': 'org-fake',
  'x-new-header-of-next-year': 'kept',
  'set-cookie': '__cf_bm=upstream-cookie; path=/',
};

const SIGNATURE = 'RXF1YWwgdG8gdGhlIGJ5dGU/+w==';

type Block =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown };

/** What a model says to a Messages request: thinking when it is on, then calls of all tools, JSON for a schema, or an echo. */
export function messageBlocks(body: Body): { readonly blocks: readonly Block[]; readonly stop: string } {
  const blocks: Block[] = [];
  const thinking = (body.thinking as { type?: string } | undefined)?.type;
  if (thinking !== undefined && thinking !== 'disabled') {
    blocks.push({ type: 'thinking', thinking: 'They greet me. I greet back.', signature: SIGNATURE });
  }
  const messages = asList(body.messages);
  const tools = asList(body.tools).filter((tool) => tool.input_schema !== undefined);
  const answered = asList(messages.at(-1)?.content).some((part) => part.type === 'tool_result');
  if (tools.length > 0 && !answered) {
    const forced = (body.tool_choice as { name?: string } | undefined)?.name;
    const chosen = forced === undefined ? tools : tools.filter((tool) => tool.name === forced);
    for (const [i, tool] of chosen.entries()) {
      blocks.push({ type: 'tool_use', id: `toolu_fake_${i}`, name: String(tool.name), input: sampleOf(tool.input_schema) });
    }
    return { blocks, stop: 'tool_use' };
  }
  const format = (body.output_config as { format?: Body } | undefined)?.format ?? (body.output_format as Body | undefined);
  const said = format === undefined ? `Grüße 🙂 – heard: ${wordsOf(messages.at(-1)?.content)}` : JSON.stringify(sampleOf(format.schema));
  const pieces = piecesOf(said);
  const limit = Number(body.max_tokens);
  if (limit < pieces.length) {
    blocks.push({ type: 'text', text: pieces.slice(0, limit).join('') });
    return { blocks, stop: 'max_tokens' };
  }
  blocks.push({ type: 'text', text: said });
  return { blocks, stop: 'end_turn' };
}

/** A message, plain or streamed, as Anthropic sends it, with members that a gateway may not know. */
export function messageReply(body: Body): Reply {
  const { blocks, stop } = messageBlocks(body);
  const output = blocks.reduce((sum, block) => sum + tokensIn(JSON.stringify(block)), 0);
  const input = {
    input_tokens: tokensIn(JSON.stringify(body.messages ?? '')),
    cache_creation_input_tokens: 4,
    cache_read_input_tokens: 6,
    cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 0 },
    service_tier: 'standard',
  };
  const message = { id: 'msg_fake', type: 'message', role: 'assistant', model: `${textIn(body.model)}-20260801` };
  if (body.stream !== true) {
    const usage = { ...input, output_tokens: output };
    return reply({
      json: { ...message, content: blocks, stop_reason: stop, stop_sequence: null, usage, member_of_next_year: { kept: true } },
    });
  }
  const frames = [
    event({
      type: 'message_start',
      message: { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...input, output_tokens: 1 } },
    }),
    event({ type: 'ping' }),
  ];
  for (const [index, block] of blocks.entries()) frames.push(...blockFrames(index, block));
  frames.push(
    event({ type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: output } }),
    event({ type: 'message_stop' }),
  );
  return reply({ frames });
}

/** What `/v1/messages/count_tokens` says. */
export function countReply(body: Body): Reply {
  return reply({ json: { input_tokens: tokensIn(JSON.stringify(body.messages ?? '')) } });
}

/** A frame of a stream, named as its type. */
export function event(value: { readonly type: string } & Body): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}

function reply(body: Reply['body']): Reply {
  return { status: 200, headers: HEADERS, body };
}

function blockFrames(index: number, block: Block): string[] {
  const delta = (value: Body) => event({ type: 'content_block_delta', index, delta: value });
  const start = (value: Body) => event({ type: 'content_block_start', index, content_block: value });
  const stop = event({ type: 'content_block_stop', index });
  switch (block.type) {
    case 'thinking':
      return [
        start({ type: 'thinking', thinking: '', signature: '' }),
        ...piecesOf(block.thinking).map((thinking) => delta({ type: 'thinking_delta', thinking })),
        delta({ type: 'signature_delta', signature: block.signature }),
        stop,
      ];
    case 'text':
      return [start({ type: 'text', text: '' }), ...piecesOf(block.text).map((text) => delta({ type: 'text_delta', text })), stop];
    case 'tool_use': {
      const text = JSON.stringify(block.input);
      const middle = Math.ceil(text.length / 2);
      const parts = ['', text.slice(0, middle), text.slice(middle)];
      return [
        start({ type: 'tool_use', id: block.id, name: block.name, input: {} }),
        ...parts.map((partial) => delta({ type: 'input_json_delta', partial_json: partial })),
        stop,
      ];
    }
  }
}
