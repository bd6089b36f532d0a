import { NO_ANSWER, readAnswer } from '../answer-body.ts';
import { type ImportedRow, type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { type JsonRecord, objectOf, shortError, textOf } from '../values.ts';
import { callOf } from './pairs.ts';

/**
 * Anthropic's message batches: results {custom_id, result: {type, message | error}} a line, joined on `custom_id` with the requests
 * {custom_id, params} where those are given. At batch prices; what was errored, canceled or expired cost nothing.
 */
export const anthropicBatch: Importer = {
  source: 'anthropic-batch',
  title: 'Anthropic batch results',
  matches: (row) => 'custom_id' in row && (typeof objectOf(row.result)?.type === 'string' || objectOf(row.params) !== null),
  read(row) {
    const key = textOf(row.custom_id);
    if (key === null) return skip('a batch line without custom_id');
    if (objectOf(row.result) !== null) return { kind: 'answer', key, row };
    return objectOf(row.params) === null ? skip('neither a request nor a result of a batch') : { kind: 'companion', key };
  },
  joining: {
    mode: 'once',
    complete: (row, [request]) => completed(row, request ?? null),
    orphan: () => skip('a batch request without its result'),
  },
};

function completed(row: JsonRecord, companion: JsonRecord | null): ImportedRow {
  const result = objectOf(row.result);
  const outcome = textOf(result?.type) ?? 'unknown';
  const request = readRequest(companion?.params);
  const answer = outcome === 'succeeded' ? readAnswer(result?.message) : NO_ANSWER;
  const failure = objectOf(result?.error);
  const error = outcome === 'succeeded' ? answer.error : (shortError(objectOf(failure?.error) ?? failure) ?? outcome);
  return {
    kind: 'call',
    draft: {
      ...callOf(request, answer),
      callId: textOf(row.custom_id),
      identity: answer.id,
      provider: 'anthropic',
      endpoint: '/v1/messages',
      serviceTier: 'batch',
      status: error === null ? 'ok' : 'error',
      error,
      key: request.endUser,
    },
  };
}
