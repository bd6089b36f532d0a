import type { ServerResponse } from 'node:http';
import type { Body } from '../fake-upstream/types.ts';
import { begin, json, look } from './batches.ts';
import { linesOf, resultFiles } from './files.ts';
import type { Asked, FakeBatch, State } from './types.ts';

export function mistral(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { input_files: [string]; model: string; metadata: Record<string, string> };
    const lines = linesOf<{ custom_id: string; body: Body }>(state, body.input_files[0]);
    if (lines.some((line) => line.body.model !== undefined)) throw new Error('a line names the model');
    const requests = lines.map((line) => ({ id: line.custom_id, body: line.body }));
    const batch = begin(state, response, { mark: body.metadata.smallfirst_batch ?? null, model: body.model, requests });
    if (batch !== null) json(response, 200, mistralJob(state, batch));
    return;
  }
  if (id === null) {
    json(response, 200, { object: 'list', data: state.batches.map((batch) => mistralJob(state, batch)), total: state.batches.length });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, mistralJob(state, batch));
}

function mistralJob(state: State, batch: FakeBatch): object {
  const { fates, cancelled } = batch;
  const isExpired = fates?.some((fate) => fate === 'expired') ?? false;
  const status =
    fates === null
      ? cancelled
        ? 'CANCELLATION_REQUESTED'
        : 'RUNNING'
      : cancelled
        ? 'CANCELLED'
        : isExpired
          ? 'TIMEOUT_EXCEEDED'
          : 'SUCCESS';
  const made = { id: batch.id, object: 'batch', model: batch.model, status, errors: [], metadata: { smallfirst_batch: batch.mark } };
  if (fates === null) return { ...made, total_requests: batch.requests.length, completed_requests: 0, output_file: null, error_file: null };
  const { output, failed } = resultFiles(state, batch);
  return {
    ...made,
    total_requests: batch.requests.length,
    completed_requests: batch.requests.length,
    output_file: output,
    error_file: failed,
  };
}
