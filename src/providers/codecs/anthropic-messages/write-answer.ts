import type { Json, StopReason } from '../../../core/index.ts';
import { type AnswerBlock, answerBlocks } from '../answer-blocks.ts';
import { tierMember } from '../service-tier.ts';
import { isObject } from '../shape.ts';
import { wrapSignature } from '../signatures.ts';
import type { AnswerContext, Codec, JsonObject } from '../types.ts';
import { anthropicUsage } from '../usage-json.ts';
import { toolInput } from './write-request.ts';

const PROTOCOL = 'anthropic-messages';

/** The id of a message on the wire. */
export function messageId(context: AnswerContext): string {
  return `msg_${context.id}`;
}

/** A tool call's id, for upstreams that give none. */
export function toolUseId(context: AnswerContext, index: number, id: string | null): string {
  return id === null || id === '' ? `toolu_${context.id}_${index}` : id;
}

/** How the end of an answer is told. */
export function stopMembers(stop: Exclude<StopReason, 'cut'>, calledTool: boolean, stopSequence: string | undefined): JsonObject {
  const reason = stopReason(stop, calledTool);
  const refusal = { type: 'refusal', category: null, explanation: null };
  return {
    stop_reason: reason,
    stop_sequence: reason === 'stop_sequence' ? (stopSequence ?? null) : null,
    ...(reason === 'refusal' ? { stop_details: refusal } : {}),
  };
}

function stopReason(stop: Exclude<StopReason, 'cut'>, calledTool: boolean): string {
  switch (stop) {
    case 'length':
      return 'max_tokens';
    case 'tool-call':
      return 'tool_use';
    case 'refusal':
    case 'content-filter':
      return 'refusal';
    case 'stop-sequence':
      return 'stop_sequence';
    case 'done':
      return calledTool ? 'tool_use' : 'end_turn';
  }
}

/** Writes a whole message. */
export const writeResponse: Codec['writeResponse'] = (events, context) => {
  const { blocks, end } = answerBlocks(events);
  const calledTool = blocks.some((block) => block.type === 'tool-call');
  const usage = end.usage === null ? { input_tokens: context.inputTokens, output_tokens: 0 } : anthropicUsage(end.usage);
  return {
    id: messageId(context),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content: blocks.flatMap((block) => writeBlock(block, context)),
    ...stopMembers(end.stop === 'cut' ? 'length' : end.stop, calledTool, end.stopSequence),
    usage: { ...usage, ...tierMember('anthropic', end.serviceTier) },
  };
};

function writeBlock(block: AnswerBlock, context: AnswerContext): JsonObject[] {
  switch (block.type) {
    case 'text': {
      if (block.text === '') return [];
      const citations: Json[] = block.annotations.filter((one) => one.protocol === PROTOCOL).map((one) => one.value);
      return [{ type: 'text', text: block.text, ...(citations.length === 0 ? {} : { citations }) }];
    }
    case 'refusal':
      return block.text === '' ? [] : [{ type: 'text', text: block.text }];
    case 'thinking': {
      const signature = block.signature === null ? '' : wrapSignature(block.signature, block.protocol ?? undefined, PROTOCOL);
      return [{ type: 'thinking', thinking: block.text, signature }];
    }
    case 'tool-call': {
      const id = toolUseId(context, block.index, block.id);
      return [{ type: 'tool_use', id, name: block.name, input: toolInput(block.arguments) }];
    }
    case 'opaque':
      return block.protocol === PROTOCOL && isObject(block.value) ? [block.value] : [];
  }
}
