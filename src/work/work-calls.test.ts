import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, KeptCalls, Pacer } from '../batch/index.ts';
import { type Model, systemClock, textMessage } from '../core/index.ts';
import type { StepAsk } from '../pipeline/index.ts';
import type { ModelClient } from '../providers/index.ts';
import { Slots, type SlotsDeps } from './slots.ts';
import { WorkCalls } from './work-calls.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'work-calls-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = (): (() => void) => () => {};
const model: Model = {
  name: 'big',
  provider: 'openai',
  model: 'gpt-x',
  tier: 'frontier',
  boundary: 'any',
  capabilities: new Set(),
  contextWindow: null,
};

/** A Redis in which others hold every place, until `free`. */
function fullRedis() {
  const state = { isFree: false };
  const redis: SlotsDeps['redis'] = {
    eval: (async () => (state.isFree ? 1 : 0)) as SlotsDeps['redis']['eval'],
    zrem: (async () => 1) as SlotsDeps['redis']['zrem'],
    status: 'ready',
  };
  return { redis, state };
}

/** A call of a row's step that waits for a place among those of all processes, and what it told of itself. */
function waitingCall() {
  const { redis, state } = fullRedis();
  const retries: (() => void)[] = [];
  const slots = new Slots('job', 1, {
    redis,
    clock: systemClock,
    after: (_ms, run) => {
      retries.push(run);
      return () => {};
    },
  });
  const journal = new Journal(join(folder, 'cell.jsonl'));
  const pacer = new Pacer({ start: 4, most: 4, now: () => systemClock.monotonic(), after: never });
  const kept = new KeptCalls({
    jobId: '0199f000-0000-7000-8000-000000000000',
    journal,
    pacer: () => pacer,
    now: () => systemClock.monotonic(),
    after: never,
  });
  const calls = new WorkCalls(() => true);
  const id = kept.begin(0);
  calls.begin(id, { kept, generation: 'first', slots });
  const ask = { run: { id }, step: { name: 'draft', controller: null }, index: null } as unknown as StepAsk;
  const told: string[] = [];
  const client: ModelClient = {
    async *call() {
      told.push('sent');
      yield { type: 'text', text: 'yes' };
      yield { type: 'end', stop: 'done', usage: null, usageSource: 'counted' };
    },
  };
  const controller = new AbortController();
  const events = calls.client(ask, model, client).call(
    { messages: [textMessage('user', 'Hello')] },
    {
      itemId: null,
      input: null,
      deadlineAt: null,
      signal: controller.signal,
      held: (isHeld) => told.push(isHeld ? 'held' : 'out'),
    },
  );
  const ended = (async (): Promise<void> => {
    for await (const _ of events);
  })();
  return { ended, told, controller, close: () => journal.close(), letIn: () => letIn(state, retries) };
}

async function letIn(state: { isFree: boolean }, retries: (() => void)[]): Promise<void> {
  while (retries.length === 0) await new Promise((resolve) => setImmediate(resolve));
  state.isFree = true;
  for (const retry of retries.splice(0)) retry();
}

describe('a call that waits for a place among those of all processes', () => {
  it('is not out, so that it costs nothing when it is broken off', async () => {
    const { ended, told, controller, close } = waitingCall();
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(ended).rejects.toMatchObject({ code: 'ABORTED' });
    expect(told).toEqual(['held']);
    close();
  });

  it('is sent when it gets one', async () => {
    const { ended, told, letIn: free, close } = waitingCall();
    await free();
    await ended;
    expect(told).toEqual(['held', 'sent']);
    close();
  });
});
