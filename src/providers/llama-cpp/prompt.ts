import { type Message, type ModelRequest, SmallfirstError, textOf } from '../../core/index.ts';
import type { ChatItem, ChatWrapper, LlamaModel, LlamaText } from './engine-types.ts';

/** A request as the model reads it. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** Texts that end the answer beside the model's own end token. */
  readonly stops: readonly string[];
}

/** Turns a request into tokens, by the model's own chat template. */
export type Prompter = (request: ModelRequest) => Prompt;

/**
 * The prompter of a model. A file with a chat template is asked by it, so that what it was trained on is what it is served; one without
 * (a base model) gets the texts as they are, a line each. Text of a client is never read as a special token.
 */
export function prompterOf(model: LlamaModel, wrapperOf: (model: LlamaModel) => ChatWrapper): Prompter {
  const template = model.fileInfo.metadata?.tokenizer?.chat_template;
  if (template === undefined) return (request) => ({ tokens: plainPrompt(model, request), stops: [] });
  const wrapper = wrapperOf(model);
  return (request) => {
    const state = wrapper.generateContextState({ chatHistory: historyOf(request.messages) });
    return { tokens: state.contextText.tokenize(model.tokenizer), stops: stopsOf(state.stopGenerationTriggers, model) };
  };
}

function plainPrompt(model: LlamaModel, request: ModelRequest): readonly number[] {
  refuseMedia(request.messages);
  const tokens = model.tokenize(request.messages.map(textOf).join('\n'));
  const { bos, shouldPrependBosToken } = model.tokens;
  return bos !== null && shouldPrependBosToken ? [bos, ...tokens] : tokens;
}

function historyOf(messages: readonly Message[]): readonly ChatItem[] {
  refuseMedia(messages);
  const items: ChatItem[] = messages.map((message) =>
    message.role === 'assistant' ? { type: 'model', response: [textOf(message)] } : { type: message.role, text: textOf(message) },
  );
  // The turn that is to be written; an answer that the client began is continued.
  return messages.at(-1)?.role === 'assistant' ? items : [...items, { type: 'model', response: [] }];
}

function refuseMedia(messages: readonly Message[]): void {
  const foreign = messages
    .flatMap(({ content }) => content)
    .find(({ type }) => type !== 'text' && type !== 'thinking' && type !== 'refusal');
  if (foreign)
    throw new SmallfirstError('NOT_SUPPORTED', `A local model takes text, and the request holds a part of type ${foreign.type}.`);
}

/** Triggers that are one end token are met by the engine; the others are looked for in the text. */
function stopsOf(triggers: readonly LlamaText[], model: LlamaModel): readonly string[] {
  return triggers.flatMap((trigger) => {
    const [first, second] = trigger.tokenize(model.tokenizer);
    if (first === undefined || (second === undefined && model.isEogToken(first))) return [];
    const text = trigger.toString();
    return text === '' ? [] : [text];
  });
}
