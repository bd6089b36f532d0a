import { writeError } from '../openai-chat/write-error.ts';
import type { ClientCodec } from '../types.ts';
import { readRequest } from './read-request.ts';
import { writeResponse } from './write-answer.ts';
import { CompletionStreamWriter } from './write-stream.ts';

/** OpenAI's older completions, for clients only: a prompt is a user's one message, and its answer the completion. */
export const openaiCompletions: ClientCodec = {
  protocol: 'openai-completions',
  readRequest,
  writeResponse,
  streamWriter: (context) => new CompletionStreamWriter(context),
  writeError,
};
