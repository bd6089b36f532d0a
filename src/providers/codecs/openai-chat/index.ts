import { readWireError } from '../errors.ts';
import type { Codec } from '../types.ts';
import { readResponse } from './read-answer.ts';
import { readRequest } from './read-request.ts';
import { ChatStreamReader } from './read-stream.ts';
import { writeResponse } from './write-answer.ts';
import { writeError } from './write-error.ts';
import { writeRequest } from './write-request.ts';
import { ChatStreamWriter } from './write-stream.ts';

/** OpenAI's chat completions, and the many servers that speak it. */
export const openaiChat: Codec = {
  protocol: 'openai-chat',
  writeRequest,
  readResponse,
  streamReader: (reading) => new ChatStreamReader(reading),
  readError: readWireError,
  readRequest,
  writeResponse,
  streamWriter: (context) => new ChatStreamWriter(context),
  writeError,
};
