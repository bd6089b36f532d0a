import { anthropicMessages } from './anthropic-messages/index.ts';
import { openaiChat } from './openai-chat/index.ts';
import { openaiResponses } from './openai-responses/index.ts';
import type { Codec, Protocol } from './types.ts';

export { ANTHROPIC_VERSION, DEFAULT_MAX_TOKENS } from './anthropic-messages/write-request.ts';
export { cutReport, kindOfStatus } from './errors.ts';
export { isShallow, MAX_DEPTH, MalformedRequest, parseBody } from './shape.ts';
export type {
  AnswerContext,
  ClientRequest,
  Codec,
  ErrorKind,
  ErrorReport,
  JsonObject,
  Protocol,
  Quirks,
  Reading,
  StreamReader,
  StreamWriter,
  Target,
  WireError,
  WireRequest,
} from './types.ts';
export { anthropicMessages, openaiChat, openaiResponses };

/** Every codec by its protocol. */
export const codecs: Readonly<Record<Protocol, Codec>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
};
