import { describe, expect, it } from 'vitest';
import { SmallfirstError } from '../core/index.ts';
import { UpstreamError } from '../providers/index.ts';
import { insist } from './insist.ts';
import { Pacer } from './pacer.ts';

/** A clock whose timers are run at once, with the waits that were asked for. */
function world(most = 4) {
  let time = 0;
  const waits: number[] = [];
  const now = (): number => time;
  const after = (ms: number, run: () => void): (() => void) => {
    waits.push(ms);
    let isOff = false;
    setImmediate(() => {
      if (isOff) return;
      time += ms;
      run();
    });
    return () => {
      isOff = true;
    };
  };
  const pacer = new Pacer({ start: 4, most, now, after });
  return { deps: { pacer, signal: null, now, after }, waits, now };
}

const busy = (retryAfterMs?: number) => new UpstreamError('UPSTREAM_BUSY', 'limited', retryAfterMs === undefined ? {} : { retryAfterMs });
const failed = () => new UpstreamError('UPSTREAM_FAILED', 'down');

function inTurn<T>(...steps: readonly (Error | T)[]): () => Promise<T> {
  let at = 0;
  return async () => {
    const step = steps[Math.min(at, steps.length - 1)] as Error | T;
    at += 1;
    if (step instanceof Error) throw step;
    return step;
  };
}

describe('asking until there is an answer', () => {
  it('waits out a limit longer than any failure, and as long as the provider says', async () => {
    const { deps, waits } = world();
    const limits = Array.from({ length: 12 }, () => busy(30_000));
    expect(await insist(deps, inTurn<string>(...limits, 'yes'))).toBe('yes');
    // The pause of the call, never added to the pause of its key.
    expect(Math.max(...waits)).toBe(30_000);
    expect(deps.pacer.limit).toBe(1);
  });

  it('gives up a limit after ten minutes in which nobody got an answer', async () => {
    const { deps, now } = world();
    await expect(insist(deps, inTurn<string>(busy(60_000)))).rejects.toMatchObject({ code: 'UPSTREAM_BUSY' });
    expect(now()).toBeGreaterThan(600_000);
    expect(now()).toBeLessThan(800_000);
  });

  it('tries a failure six times, waiting twice as long each time', async () => {
    const { deps, waits } = world();
    let asked = 0;
    const ask = async (): Promise<string> => {
      asked += 1;
      throw failed();
    };
    await expect(insist(deps, ask)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    expect([asked, waits]).toEqual([6, [1_000, 2_000, 4_000, 8_000, 16_000]]);
  });

  it('does not try again what trying cannot help', async () => {
    const { deps, waits } = world();
    await expect(insist(deps, inTurn<string>(new UpstreamError('UPSTREAM_REJECTED', 'no')))).rejects.toMatchObject({
      code: 'UPSTREAM_REJECTED',
    });
    expect(waits).toEqual([]);
  });

  it('tells that what it asks waits for its place, and again after each failure', async () => {
    const { deps } = world();
    const told: string[] = [];
    const answers = inTurn<string>(failed(), busy(), 'yes');
    await insist({ ...deps, held: (isHeld) => told.push(isHeld ? 'held' : 'out') }, () => {
      told.push('asked');
      return answers();
    });
    expect(told).toEqual(['held', 'asked', 'held', 'asked', 'held', 'asked']);
  });

  it('stops waiting when the job is stopped', async () => {
    const { deps } = world();
    const controller = new AbortController();
    const asking = insist({ ...deps, signal: controller.signal, after: () => () => {} }, inTurn<string>(failed()));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(asking).rejects.toBeInstanceOf(SmallfirstError);
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
