import { readWireError } from '../errors.ts';
import { writeError } from '../openai-chat/write-error.ts';
import type { Codec } from '../types.ts';
import { readResponse } from './read-answer.ts';
import { readRequest } from './read-request.ts';
import { ResponseStreamReader } from './read-stream.ts';
import { writeResponse } from './write-answer.ts';
import { writeRequest } from './write-request.ts';
import { ResponseStreamWriter } from './write-stream.ts';

/** OpenAI's Responses API. */
export const openaiResponses: Codec = {
  protocol: 'openai-responses',
  writeRequest,
  readResponse,
  streamReader: (reading) => new ResponseStreamReader(reading),
  readError: readWireError,
  readRequest,
  writeResponse,
  streamWriter: (context) => new ResponseStreamWriter(context),
  writeError,
};
