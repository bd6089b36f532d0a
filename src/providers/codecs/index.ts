import { anthropicMessages } from './anthropic-messages/index.ts';
import { openaiChat } from './openai-chat/index.ts';
import { openaiCompletions } from './openai-completions/index.ts';
import { openaiResponses } from './openai-responses/index.ts';
import type { ClientCodec, ClientProtocol, Codec, Protocol } from './types.ts';

export { ANTHROPIC_VERSION, DEFAULT_MAX_TOKENS } from './anthropic-messages/write-request.ts';
export { cutReport, kindOfStatus } from './errors.ts';
export { bodyText } from './exact-json.ts';
export { MAX_DEPTH, MalformedRequest, parseBody } from './shape.ts';
export type {
  AnswerContext,
  ClientCodec,
  ClientProtocol,
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

/**
 * Every codec by its protocol.
 *
 * What a translation loses, because the other wire has no place for it: `seed`, logprobs and "any JSON" (asked for in words)
 * towards Anthropic; `stop` and `seed` towards Responses; `cache_control`, penalties, metadata and other extras everywhere but
 * at home; `is_error` of tool results, unsigned or foreign-signed thinking; which of several texts a chat message was in; the
 * lifetime of written cache tokens; a stop sequence told to OpenAI clients. What would change the answer is not lost
 * silently: it is named in `untranslatable`.
 */
export const codecs: Readonly<Record<Protocol, Codec>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
};

/** How each client is read and answered. */
export const clientCodecs: Readonly<Record<ClientProtocol, ClientCodec>> = { ...codecs, 'openai-completions': openaiCompletions };
