import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemTimer } from './timer.ts';

describe('systemTimer', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('runs once, after the time, unless called off', () => {
    vi.useFakeTimers();
    const ran: string[] = [];
    systemTimer(50, () => ran.push('kept'));
    systemTimer(50, () => ran.push('called off'))();
    vi.advanceTimersByTime(49);
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(ran).toEqual(['kept']);
  });

  it('does not take a time that timers cannot hold for no time at all', () => {
    vi.useFakeTimers();
    const ran: string[] = [];
    systemTimer(2 ** 31, () => ran.push('at once'))();
    systemTimer(Number.POSITIVE_INFINITY, () => ran.push('at once'));
    vi.advanceTimersByTime(1_000);
    expect(ran).toEqual([]);
  });
});
