import { readAnswer } from '../answer-body.ts';
import { hintsOf } from '../hints.ts';
import { type ImportedRow, type Importer, skip } from '../import-types.ts';
import { readRequest } from '../request-body.ts';
import { firstText, type JsonRecord, numberOf, objectOf, shortError, textOf } from '../values.ts';
import { callOf } from './pairs.ts';

/**
 * OpenAI's batch files, joined on `custom_id`: input lines {custom_id, method, url, body} (other vendors leave method and url out),
 * and lines of the output or error file {id, custom_id, response: {status_code, request_id, body}, error}. At batch prices.
 */
export const openaiBatch: Importer = {
  source: 'openai-batch',
  title: 'OpenAI batch files',
  matches: (row) => isInput(row) || isOutput(row),
  read(row) {
    const key = textOf(row.custom_id);
    if (key === null) return skip('a batch line without custom_id');
    if (isOutput(row)) return { kind: 'answer', key, row };
    return isInput(row) ? { kind: 'companion', key } : skip('neither an input nor an output line of a batch');
  },
  joining: {
    mode: 'once',
    complete: (row, [input]) => completed(row, input ?? null),
    orphan: () => skip('a batch request without a line in an output or error file'),
  },
};

function isInput(row: JsonRecord): boolean {
  return 'custom_id' in row && objectOf(row.body) !== null && !('response' in row);
}

function isOutput(row: JsonRecord): boolean {
  return 'custom_id' in row && (objectOf(row.response) !== null || ('error' in row && !('body' in row) && !('params' in row)));
}

function completed(row: JsonRecord, input: JsonRecord | null): ImportedRow {
  const response = objectOf(row.response);
  const answer = readAnswer(response?.body);
  const request = readRequest(input?.body);
  const status = numberOf(response?.status_code) ?? 200;
  const error = shortError(row.error) ?? answer.error ?? (status >= 400 ? `HTTP ${status}` : null);
  return {
    kind: 'call',
    draft: {
      ...callOf(request, answer),
      callId: textOf(row.custom_id),
      identity: textOf(row.id) ?? firstText(response, 'request_id'),
      // Others take the same files; their models are not OpenAI's.
      provider: (request.model ?? answer.servedModel ?? '').includes('/') ? null : 'openai',
      endpoint: textOf(input?.url),
      // The body names the tier of the synchronous API, or none: a batch is paid as a batch.
      serviceTier: 'batch',
      status: error === null ? 'ok' : 'error',
      error,
      hints: hintsOf(request.metadata),
      key: request.endUser,
    },
  };
}
