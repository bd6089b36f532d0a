import type * as BullMq from 'bullmq';
import type { Redis } from 'ioredis';
import { SmallfirstError } from '../core/index.ts';

const NEEDED = 'Workers need the packages bullmq and ioredis, which are optional: npm install bullmq ioredis.';
/** A server that does not answer within this is not there. */
const CONNECT_MS = 10_000;
/** How long a lost connection waits before it is tried again. */
const RETRY_MS = { first: 50, most: 2_000 };

/** BullMQ, loaded on use. Throws USAGE where it is not installed. */
export async function loadBullMq(): Promise<typeof BullMq> {
  return await import('bullmq').catch((cause: unknown) => {
    throw new SmallfirstError('USAGE', NEEDED, { cause });
  });
}

/**
 * A connection to Redis (or Valkey) that comes back by itself whenever it is lost, and whose commands wait for that. `onTrouble` hears
 * of every failed try. Throws USAGE where ioredis is not installed or the URL is none, STORE_UNAVAILABLE where no server answers at the start.
 */
export async function connectRedis(url: string, onTrouble: (why: string) => void): Promise<Redis> {
  if (!/^rediss?:\/\//.test(url)) throw new SmallfirstError('USAGE', 'The URL of Redis begins with redis:// or rediss://.');
  const { Redis } = await import('ioredis').catch((cause: unknown) => {
    throw new SmallfirstError('USAGE', NEEDED, { cause });
  });
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    enableReadyCheck: true,
    connectTimeout: CONNECT_MS,
    retryStrategy: (times) => Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(times, 10)),
  });
  let why = 'no answer';
  redis.on('error', (error: Error) => {
    why = error.message || (error as NodeJS.ErrnoException).code || why;
    onTrouble(why);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), CONNECT_MS);
  });
  const first = await Promise.race([redis.ping(), late]).catch((error: Error) => {
    why = error.message;
    return 'late' as const;
  });
  clearTimeout(timer);
  if (first === 'late') {
    redis.disconnect();
    throw new SmallfirstError('STORE_UNAVAILABLE', `Redis: ${why}`);
  }
  return redis;
}
