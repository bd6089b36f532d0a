import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EscalationCaps } from './escalation-caps.ts';

const HOUR = 3_600_000;

function capsAt() {
  let now = 1_000_000;
  const warnings: string[] = [];
  const caps = new EscalationCaps({ clock: { now: () => now }, warn: (message) => warnings.push(message) });
  return { caps, warnings, advance: (ms: number) => (now += ms) };
}

describe('escalation caps', () => {
  it('are reached by as many escalations within an hour, say so once, and have room again when the oldest is an hour old', () => {
    const { caps, warnings, advance } = capsAt();
    const task = { name: 't', escalationsPerHour: 2 };
    caps.happened(task);
    expect(caps.isReached(task)).toBe(false);
    advance(HOUR / 2);
    caps.happened(task);
    expect([caps.isReached(task), caps.isReached(task), caps.isReached({ name: 'u', escalationsPerHour: 2 })]).toEqual([true, true, false]);
    advance(HOUR / 2 - 1);
    expect(caps.isReached(task)).toBe(true);
    advance(1);
    expect(caps.isReached(task)).toBe(false);
    caps.happened(task);
    expect(caps.isReached(task)).toBe(true);
    expect(warnings).toEqual([
      'the task t escalated 2 times within an hour, as often as it may: its ceiling alone answers until 1970-01-01T01:16:40.000Z',
      'the task t escalated 2 times within an hour, as often as it may: its ceiling alone answers until 1970-01-01T01:46:40.000Z',
    ]);
  });

  it('bound nothing where there is none', () => {
    const { caps } = capsAt();
    const task = { name: 't', escalationsPerHour: null };
    for (let i = 0; i < 1_000; i += 1) caps.happened(task);
    expect(caps.isReached(task)).toBe(false);
  });

  it('let no hour hold more escalations than the cap, however requests come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.integer({ min: 0, max: HOUR }), { maxLength: 60 }), (cap, gaps) => {
        const { caps, advance } = capsAt();
        const task = { name: 't', escalationsPerHour: cap };
        const times: number[] = [];
        for (const gap of gaps) {
          const now = advance(gap);
          if (caps.isReached(task)) continue;
          caps.happened(task);
          times.push(now);
        }
        for (const [i, time] of times.entries())
          expect(times.slice(0, i + 1).filter((other) => time - other < HOUR).length).toBeLessThanOrEqual(cap);
      }),
    );
  });
});
