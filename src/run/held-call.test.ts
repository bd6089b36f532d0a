import { describe, expect, it } from 'vitest';
import { NANO_USD_PER_TOKEN, world } from '../../test/support/step-world.ts';
import { type Call, type Model, type ModelEvent, NO_USAGE, textMessage, usage } from '../core/index.ts';
import { ANY_MODEL } from '../policy/index.ts';
import { runStep } from './run-step.ts';
import type { StepDeps } from './types.ts';

const model: Model = {
  name: 'frontier',
  provider: 'scripted',
  model: 'frontier',
  tier: 'frontier',
  boundary: 'any',
  capabilities: new Set(),
  contextWindow: null,
};

/** The rows of a step that is broken off when its call has told these things of itself, in turn. */
async function brokenOffAfter(...told: readonly boolean[]): Promise<readonly Call[]> {
  const counted = usage({ freshInput: 70 });
  const { deps, rows } = world({ scripts: {}, counted: () => counted });
  const controller = new AbortController();
  const waiting: StepDeps['client'] = () => ({
    async *call(_request, { held }) {
      for (const isHeld of told) held?.(isHeld);
      setImmediate(() => controller.abort());
      yield* await new Promise<readonly ModelEvent[]>(() => {});
    },
  });
  const running = runStep(
    {
      task: 'reply',
      step: null,
      pipeline: null,
      output: { kind: 'text' },
      ladder: [{ model, licence: { kind: 'certified', threshold: null } }],
    },
    {
      requestId: 'request-1',
      itemId: null,
      input: null,
      request: { messages: [textMessage('user', 'Hello')] },
      need: ANY_MODEL,
      startAt: 0,
      polish: null,
      budget: null,
      deadlineAt: null,
      signal: controller.signal,
      streamed: false,
      origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
    },
    { ...deps, client: waiting },
  );
  await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  return rows;
}

describe('a call that is broken off', () => {
  it('is none while it waits for its place: nothing is recorded', async () => {
    expect(await brokenOffAfter(true)).toEqual([]);
  });

  it('has used its prompt once it is out, whether or not it says where it is', async () => {
    const spent = { outcome: 'aborted', usage: usage({ freshInput: 70 }), cost: 70 * NANO_USD_PER_TOKEN };
    expect(await brokenOffAfter(true, false)).toMatchObject([spent]);
    expect(await brokenOffAfter()).toMatchObject([spent]);
  });

  it('has used nothing while it waits to be sent again after it failed', async () => {
    expect(await brokenOffAfter(true, false, true)).toMatchObject([{ outcome: 'aborted', usage: NO_USAGE, cost: 0 }]);
  });
});
