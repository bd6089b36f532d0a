import { describe, expect, it } from 'vitest';
import { Background } from './live-background.ts';

/** A job that ends when it is told to, or when it is aborted. */
function job(name: string, log: string[], bytes = 1) {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run = async (signal: AbortSignal) => {
    log.push(`${name} begins`);
    signal.addEventListener('abort', () => end());
    await ended;
    log.push(signal.aborted ? `${name} aborted` : `${name} ends`);
  };
  return { bytes, run, end };
}

describe('work beside the answers', () => {
  it('runs so many jobs at once, keeps some waiting in order, and drops what finds no room', async () => {
    const log: string[] = [];
    const background = new Background((error) => log.push(String(error)), { concurrency: 1, waiting: 2, waitingBytes: 10 });
    const jobs = ['a', 'b', 'c', 'd'].map((name) => job(name, log));
    expect(jobs.map((one) => background.offer(one))).toEqual([true, true, true, false]);
    expect(log).toEqual(['a begins']);
    for (const one of jobs) one.end();
    await background.settled();
    expect([log, background.dropped]).toEqual([['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'], 1]);
  });

  it('keeps no more bytes waiting than it may, and has room again when they are gone', async () => {
    const log: string[] = [];
    const background = new Background(() => {}, { concurrency: 1, waiting: 9, waitingBytes: 10 });
    const first = job('a', log);
    const large = job('b', log, 8);
    expect([first, large, job('c', log, 3)].map((one) => background.offer(one))).toEqual([true, true, false]);
    first.end();
    large.end();
    await background.settled();
    expect(background.offer(job('d', log, 100))).toBe(true);
    background.stop();
    await background.settled();
  });

  it('goes on after a job that fails, and tells of it', async () => {
    const told: unknown[] = [];
    const log: string[] = [];
    const background = new Background((error) => told.push(error), { concurrency: 1 });
    const failure = new Error('no');
    background.offer({ bytes: 0, run: () => Promise.reject(failure) });
    const next = job('b', log);
    background.offer(next);
    next.end();
    await background.settled();
    expect([told, log]).toEqual([[failure], ['b begins', 'b ends']]);
  });

  it('aborts what runs and drops what waits when it is stopped, and takes nothing more', async () => {
    const log: string[] = [];
    const background = new Background(() => {}, { concurrency: 1 });
    background.offer(job('a', log));
    background.offer(job('b', log));
    background.stop();
    expect(background.offer(job('c', log))).toBe(false);
    await background.settled();
    expect([log, background.dropped]).toEqual([['a begins', 'a aborted'], 2]);
  });
});
