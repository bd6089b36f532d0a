import type { ServerResponse } from 'node:http';
import { messageReply } from '../fake-upstream/anthropic.ts';
import { chatReply } from '../fake-upstream/openai-chat.ts';
import type { Body } from '../fake-upstream/types.ts';
import type { FakeBatch, State } from './types.ts';

/** Begins a batch as its faults say; null where the caller is answered otherwise. */
export function begin(state: State, response: ServerResponse, made: Pick<FakeBatch, 'mark' | 'model' | 'requests'>): FakeBatch | null {
  const fault = state.faults.shift();
  if (fault === 'lost-request') {
    response.socket?.resetAndDestroy();
    return null;
  }
  if (fault === 'busy') {
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '1' });
    response.end(JSON.stringify({ error: { type: 'rate_limit_error', message: 'slow down' } }));
    return null;
  }
  if (fault === 'rejected') {
    json(response, 400, { error: { type: 'invalid_request_error', message: 'batches are not for this model' } });
    return null;
  }
  state.ids += 1;
  const batch: FakeBatch = {
    id: `batch-${state.ids}`,
    ...made,
    createdAt: Date.now(),
    fates: null,
    polls: 0,
    cancelled: false,
    crowded: fault === 'crowded',
  };
  state.batches.push(batch);
  if (fault !== 'lost-answer') return batch;
  response.socket?.resetAndDestroy();
  return null;
}

/** A batch ends at its second look. */
export function look(state: State, batch: FakeBatch): void {
  batch.polls += 1;
  if (batch.fates !== null || batch.crowded || (!batch.cancelled && (state.hold || batch.polls < 2))) return;
  batch.fates = batch.requests.map(({ id, body }) => {
    if (batch.cancelled) return 'expired';
    const times = (state.times.get(id) ?? 0) + 1;
    state.times.set(id, times);
    return state.fate(textOf(body), times, batch.model ?? String(body.model));
  });
}

function textOf(body: Body): string {
  const messages = body.messages as readonly { readonly content: unknown }[];
  const content = messages.at(-1)?.content;
  if (typeof content === 'string') return content;
  return (content as readonly { readonly text?: string }[]).map(({ text }) => text ?? '').join('');
}

export function answerOf(state: State, body: Body, model: string | null): object {
  const whole = model === null ? body : { ...body, model };
  const reply = state.provider === 'anthropic' ? messageReply(whole) : chatReply(whole);
  if (!('json' in reply.body)) throw new Error('a stream was asked for in a batch');
  const made = reply.body.json as Record<string, unknown>;
  const text = state.answer(textOf(body), String(whole.model));
  if (text === null) return made;
  if (state.provider === 'anthropic') return { ...made, content: [{ type: 'text', text }] };
  const [choice] = made.choices as readonly { readonly message: object }[];
  return { ...made, choices: [{ ...choice, message: { ...choice?.message, content: text } }] };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
