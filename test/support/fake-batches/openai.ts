import type { ServerResponse } from 'node:http';
import type { Body } from '../fake-upstream/types.ts';
import { begin, json, look } from './batches.ts';
import { linesOf, resultFiles } from './files.ts';
import type { Asked, FakeBatch, State } from './types.ts';

export function openai(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { input_file_id: string; endpoint: string; metadata: Record<string, string> };
    const lines = linesOf<{ custom_id: string; url: string; method: string; body: Body }>(state, body.input_file_id);
    if (lines.some((line) => line.url !== body.endpoint || line.method !== 'POST')) throw new Error('a line for another endpoint');
    const requests = lines.map((line) => ({ id: line.custom_id, body: line.body }));
    const batch = begin(state, response, { mark: body.metadata.smallfirst_batch ?? null, model: null, requests });
    if (batch !== null) json(response, 200, openaiBatch(state, batch));
    return;
  }
  if (id === null) {
    const data = [...state.batches].reverse().map((batch) => openaiBatch(state, batch));
    json(response, 200, { object: 'list', data, has_more: false });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, openaiBatch(state, batch));
}

function openaiBatch(state: State, batch: FakeBatch): object {
  const { fates, requests, crowded, cancelled } = batch;
  const isExpired = fates?.some((fate) => fate === 'expired') ?? false;
  const status = crowded
    ? 'failed'
    : fates === null
      ? cancelled
        ? 'cancelling'
        : 'in_progress'
      : cancelled
        ? 'cancelled'
        : isExpired
          ? 'expired'
          : 'completed';
  const made = { id: batch.id, object: 'batch', endpoint: '/v1/chat/completions', status, metadata: { smallfirst_batch: batch.mark } };
  const errors = crowded
    ? { object: 'list', data: [{ code: 'token_limit_exceeded', message: 'Enqueued token limit reached', line: null }] }
    : null;
  if (fates === null) return { ...made, errors, request_counts: { total: requests.length, completed: 0, failed: 0 } };
  const { output, failed } = resultFiles(state, batch);
  const counts = {
    total: requests.length,
    completed: fates.filter((fate) => fate === 'answered').length,
    failed: fates.filter((fate) => fate !== 'answered').length,
  };
  return { ...made, output_file_id: output, error_file_id: failed, request_counts: counts };
}
