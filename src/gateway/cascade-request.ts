import type { Capability, ModelRequest, Part } from '../core/index.ts';
import type { Need } from '../policy/index.ts';

/** Texts longer than this are estimated at four characters a token: counting them exactly would hold everybody else up. */
const MAX_COUNTED = 64 * 1024;
/** What an answer is taken to need where the request sets no limit. */
const USUAL_OUTPUT = 1_024;

/** What a request needs of any model: what it holds and asks for, and the room for it. */
export function needOf(request: ModelRequest, inputTokens: number): Need {
  const capabilities = new Set<Capability>();
  if ((request.tools?.length ?? 0) > 0) capabilities.add('tools');
  if (request.responseFormat?.type === 'json-schema') capabilities.add('json-schema');
  if (holds(request, 'image')) capabilities.add('images');
  if (holds(request, 'pdf')) capabilities.add('pdfs');
  return { capabilities, tokens: inputTokens + (request.maxTokens ?? USUAL_OUTPUT), boundaries: null };
}

/** Whether a part of the kind stands anywhere in a request, in the result of a tool, too. */
export function holds({ messages }: ModelRequest, type: Part['type']): boolean {
  const isOrHolds = (part: Part): boolean => part.type === type || (part.type === 'tool-result' && part.content.some(isOrHolds));
  return messages.some(({ content }) => content.some(isOrHolds));
}

/** The prompt's tokens: texts, results of tools and definitions of tools. Images and PDFs are not counted. */
export function countInput(request: ModelRequest, countTokens: (text: string) => number): number {
  let text = request.tools === undefined ? '' : JSON.stringify(request.tools);
  const add = (part: Part): void => {
    if (part.type === 'text' || part.type === 'thinking' || part.type === 'refusal') text += `${part.text}\n`;
    else if (part.type === 'tool-call') text += `${part.name} ${part.arguments}\n`;
    else if (part.type === 'tool-result') for (const inner of part.content) add(inner);
  };
  for (const message of request.messages) for (const part of message.content) add(part);
  return countText(text, countTokens);
}

/** Tokens of a text; an estimate for a long one. */
export function countText(text: string, countTokens: (text: string) => number): number {
  return text.length > MAX_COUNTED ? Math.ceil(text.length / 4) : countTokens(text);
}
