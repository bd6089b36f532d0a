import { spawnSync } from 'node:child_process';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../test/support/work-servers.ts';
import { systemClock } from '../core/index.ts';
import { connectRedis } from './peers.ts';
import { Slots } from './slots.ts';

const isThere = spawnSync('redis-server', ['--version']).status === 0;
const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

describe.skipIf(!isThere)('places that processes share (skipped without redis-server)', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, () => {});
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  const slots = (name: string, limit: number) => new Slots(name, limit, { redis, clock: systemClock, after });

  it('are never more than the limit, and everybody gets one', async () => {
    const both = [slots('shared', 3), slots('shared', 3)];
    let underWay = 0;
    let most = 0;
    let done = 0;
    await Promise.all(
      Array.from({ length: 120 }, async (_, i) => {
        const leave = await (both[i % 2] as Slots).enter(null);
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        done += 1;
        leave();
        leave();
      }),
    );
    expect([most <= 3, done]).toEqual([true, 120]);
    await Promise.all(both.map((one) => one.close()));
    expect(await redis.zcard('smallfirst:slots:shared')).toBe(0);
  });

  it('are left by who stops waiting, and by who closes', async () => {
    const one = slots('left', 1);
    const other = slots('left', 1);
    const leave = await one.enter(null);
    const stop = new AbortController();
    const waiting = other.enter(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    const next = other.enter(null);
    await one.close();
    (await next)();
    leave();
    await other.close();
    await expect(other.enter(null)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('are all given back by who closes, also those that were asked for in the same moment', async () => {
    for (let i = 0; i < 20; i += 1) {
      const one = slots('asked', 2);
      const waiting = one.enter(null).catch((error: unknown) => error);
      await one.close();
      expect(await redis.zcard('smallfirst:slots:asked')).toBe(0);
      expect(await waiting).toMatchObject({ code: 'ABORTED' });
    }
  });

  it('keep nobody who closes waiting for a server that was lost with a question', async () => {
    const lost = await startRedis();
    const own = await connectRedis(lost.url, () => {});
    const one = new Slots('lost', 1, { redis: own, clock: systemClock, after });
    (await one.enter(null))();
    lost.pause();
    const waiting = one.enter(null).catch((error: unknown) => error);
    await one.close();
    expect([own.status, await waiting]).toMatchObject(['ready', { code: 'ABORTED' }]);
    own.disconnect();
    await lost.stop();
  });

  it('of a process that is gone are free again when its leases end', async () => {
    // A lease as a killed process leaves it, a moment before its end.
    await redis.zadd('smallfirst:slots:dead', Date.now() + 30, 'of the dead');
    const one = slots('dead', 1);
    (await one.enter(null))();
    expect(await redis.zscore('smallfirst:slots:dead', 'of the dead')).toBeNull();
    await one.close();
  });
});
