import { type AnswerBlock, answerBlocks } from '../answer-blocks.ts';
import { writeLogprobs } from '../logprobs.ts';
import { isObject } from '../shape.ts';
import { wrapSignature } from '../signatures.ts';
import type { AnswerContext, Codec, JsonObject } from '../types.ts';
import { annotationOf, callId, endState, incompleteReason, itemId, responseObject, wantsEncryptedReasoning } from './response-object.ts';

const PROTOCOL = 'openai-responses';

/** Writes a whole response. */
export const writeResponse: Codec['writeResponse'] = (events, context) => {
  const { blocks, end } = answerBlocks(events);
  const refused = blocks.some((block) => block.type === 'refusal');
  const status = incompleteReason(end, refused) === null ? 'completed' : 'incomplete';
  const output: JsonObject[] = [];
  for (const block of blocks) {
    const item = writeItem(block, context, output.length, status);
    if (item !== null) output.push(item);
  }
  return responseObject(context, output, endState(end, refused));
};

function writeItem(block: AnswerBlock, context: AnswerContext, at: number, status: string): JsonObject | null {
  const message = { id: itemId('msg', context, at), type: 'message', status, role: 'assistant' };
  switch (block.type) {
    case 'text': {
      const asked = context.client?.logprobs ?? null;
      const logprobs = asked === null || block.logprobs === null ? [] : writeLogprobs(block.logprobs, asked.top);
      const annotations = block.annotations.map(annotationOf).filter((one) => one !== null);
      return { ...message, content: [{ type: 'output_text', text: block.text, annotations, logprobs }] };
    }
    case 'refusal':
      return { ...message, content: [{ type: 'refusal', refusal: block.text }] };
    case 'thinking': {
      const signature = wantsEncryptedReasoning(context) ? block.signature : null;
      const encrypted = signature === null ? {} : { encrypted_content: wrapSignature(signature, block.protocol ?? undefined, PROTOCOL) };
      const summary = block.text === '' ? [] : [{ type: 'summary_text', text: block.text }];
      return { id: itemId('rs', context, at), type: 'reasoning', summary, ...encrypted };
    }
    case 'tool-call': {
      const { name } = block;
      const call = { call_id: callId(context, block.index, block.id), name, arguments: block.arguments };
      return { id: itemId('fc', context, at), type: 'function_call', status, ...call };
    }
    case 'opaque':
      return block.protocol === PROTOCOL && isObject(block.value) ? block.value : null;
  }
}
