import { readAnswer } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { between, dollarsOf, firstNumber, firstText, type JsonRecord, objectOf, shortError, timeOf } from '../values.ts';
import { callOf } from './pairs.ts';

/** OpenPipe's request logs: {input: the chat request, output: the chat answer or an error, tags} a line. */
export const openpipe: Importer = {
  source: 'openpipe',
  title: 'OpenPipe request logs',
  matches: (row) => isChatRequest(row.input) && ('output' in row || 'tags' in row),
  read(row) {
    if (!isChatRequest(row.input)) return skip('a row without a chat request as input');
    const output = objectOf(row.output);
    const answer = readAnswer(output);
    const request = readRequest(row.input);
    const error = answer.error ?? shortError(row.error ?? row.errorMessage) ?? (output === null ? 'no output' : null);
    const start = timeOf(row.requestedAt ?? row.requested_at ?? row.createdAt);
    return {
      kind: 'call',
      draft: {
        ...callOf(request, answer),
        callId: firstText(row, 'requestId', 'id') ?? answer.id,
        identity: answer.id ?? firstText(row, 'requestId', 'id'),
        at: start ?? answer.at,
        provider: 'openai',
        endpoint: '/v1/chat/completions',
        reportedCost: dollarsOf(row.cost),
        latencyMs: firstNumber(row, 'durationMs', 'duration_ms') ?? between(start, timeOf(row.receivedAt ?? row.received_at)),
        status: error === null ? 'ok' : 'error',
        error,
        hints: hintsOf(objectOf(row.tags), row.tags, objectOf(row.metadata), request.metadata),
        key: request.endUser,
      },
    };
  },
};

function isChatRequest(value: unknown): value is JsonRecord {
  return Array.isArray(objectOf(value)?.messages);
}
