import type { ServerResponse } from 'node:http';
import type { Body } from '../fake-upstream/types.ts';
import { answerOf, begin, json, look } from './batches.ts';
import type { Asked, FakeBatch, Fate, State } from './types.ts';

export function anthropic(state: State, { method, id, last, bytes }: Asked, response: ServerResponse): void {
  if (method === 'POST' && id === null) {
    const body = JSON.parse(bytes.toString()) as { requests: { custom_id: string; params: Body }[] };
    if (body.requests.some((one) => !/^[a-zA-Z0-9_-]{1,64}$/.test(one.custom_id))) throw new Error('a custom_id that is not allowed');
    const requests = body.requests.map((one) => ({ id: one.custom_id, body: one.params }));
    const batch = begin(state, response, { mark: null, model: null, requests });
    if (batch !== null) json(response, 200, messageBatch(state, batch));
    return;
  }
  if (id === null) {
    const data = [...state.batches].reverse().map((batch) => {
      // Time passes for those that are only listed, too.
      look(state, batch);
      return messageBatch(state, batch);
    });
    json(response, 200, { data, has_more: false, first_id: null, last_id: null });
    return;
  }
  const batch = state.batches.find((one) => one.id === id) as FakeBatch;
  if (last === 'results') {
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    for (const [i, { id: customId, body }] of [...batch.requests.entries()].reverse()) {
      response.write(`${JSON.stringify({ custom_id: customId, result: messageResult(state, body, batch.fates?.[i] ?? 'expired') })}\n`);
    }
    response.end();
    return;
  }
  if (last === 'cancel') batch.cancelled = true;
  else look(state, batch);
  json(response, 200, messageBatch(state, batch));
}

function messageResult(state: State, body: Body, fate: Fate): object {
  if (fate === 'answered') return { type: 'succeeded', message: answerOf(state, body, null) };
  if (fate === 'expired') return { type: 'expired' };
  const error =
    fate === 'failed' ? { type: 'api_error', message: 'we failed' } : { type: 'invalid_request_error', message: 'too odd to answer' };
  return { type: 'errored', error: { type: 'error', error } };
}

function messageBatch(state: State, batch: FakeBatch): object {
  const { fates, requests, cancelled } = batch;
  const of = (...wanted: readonly Fate[]): number => fates?.filter((fate) => wanted.includes(fate)).length ?? 0;
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: fates === null ? (cancelled ? 'canceling' : 'in_progress') : 'ended',
    request_counts: {
      processing: fates === null ? requests.length : 0,
      succeeded: of('answered'),
      errored: of('failed', 'refused'),
      canceled: 0,
      expired: of('expired'),
    },
    created_at: new Date(batch.createdAt).toISOString(),
    results_url: fates === null ? null : `${state.origin}/v1/messages/batches/${batch.id}/results`,
  };
}
