import { readWireError } from '../errors.ts';
import type { Codec } from '../types.ts';
import { readResponse } from './read-answer.ts';
import { readRequest } from './read-request.ts';
import { MessageStreamReader } from './read-stream.ts';
import { writeResponse } from './write-answer.ts';
import { writeError } from './write-error.ts';
import { writeRequest } from './write-request.ts';
import { MessageStreamWriter } from './write-stream.ts';

/** Anthropic's Messages API. */
export const anthropicMessages: Codec = {
  protocol: 'anthropic-messages',
  writeRequest,
  readResponse,
  streamReader: (reading) => new MessageStreamReader(reading),
  readError: readWireError,
  readRequest,
  writeResponse,
  streamWriter: (context) => new MessageStreamWriter(context),
  writeError,
};
