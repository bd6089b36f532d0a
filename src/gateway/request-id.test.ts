import { describe, expect, it } from 'vitest';
import { requestIds } from './request-id.ts';

describe('request ids', () => {
  it('are UUIDs of version 7 that hold the time', () => {
    const id = requestIds(() => Date.UTC(2026, 10, 22, 1, 2, 3, 4))();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 10, 22, 1, 2, 3, 4));
  });

  it('differ and sort in the order in which they were made, whatever the clock does', () => {
    const times = [5, 5, 5, 9, 3, 3, 9, 10, 10, 2];
    let i = 0;
    const next = requestIds(() => 1_700_000_000_000 + (times[Math.floor(i++ / 2_000)] ?? 10));
    const ids = Array.from({ length: 20_000 }, () => next());
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });
});
