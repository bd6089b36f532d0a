import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd } from '../core/index.ts';
import { SpendCap } from './live-spend.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;
const none = { today: nanoUsd(0), total: nanoUsd(0) };

const known = (limits: { perDay: NanoUsd | null; total: NanoUsd | null }, spent = none): SpendCap => {
  const cap = new SpendCap(limits);
  cap.restore(spent, noon);
  return cap;
};

describe('a cap on what is spent beside the answers', () => {
  it('takes everything without a limit, priced or not, and counts what was spent', () => {
    const cap = new SpendCap({ perDay: null, total: null });
    const held = cap.reserve(null, noon);
    if (typeof held === 'string') throw new Error(held);
    cap.settle(held, nanoUsd(0.5), noon);
    expect(cap.spent(noon)).toEqual({ today: nanoUsd(0.5), total: nanoUsd(0.5) });
  });

  it('refuses what it cannot know to fit: before its record was read, and without a price', () => {
    const limits = { perDay: nanoUsd(1), total: null };
    expect(new SpendCap(limits).reserve(nanoUsd(0.1), noon)).toBe('unknown');
    expect(known(limits).reserve(null, noon)).toBe('unpriced');
  });

  it('holds the worst case until it is settled, so that many at once cannot pass the limit', () => {
    const cap = known({ perDay: nanoUsd(1), total: null });
    const held = [0, 1, 2].map(() => cap.reserve(nanoUsd(0.4), noon));
    expect(held.map((hold) => (typeof hold === 'string' ? hold : hold.amount))).toEqual([nanoUsd(0.4), nanoUsd(0.4), 'day']);
    for (const hold of held) if (typeof hold !== 'string') cap.settle(hold, nanoUsd(0.1), noon);
    expect(cap.spent(noon)).toEqual({ today: nanoUsd(0.2), total: nanoUsd(0.2) });
    expect(cap.reserve(nanoUsd(0.8), noon)).toEqual({ amount: nanoUsd(0.8) });
    expect(cap.reserve(nanoUsd(0.001), noon)).toBe('day');
  });

  it('settles a call without a known cost at what was held', () => {
    const cap = known({ perDay: nanoUsd(1), total: null });
    const hold = cap.reserve(nanoUsd(0.3), noon);
    if (typeof hold === 'string') throw new Error(hold);
    cap.settle(hold, null, noon);
    expect(cap.spent(noon).today).toBe(nanoUsd(0.3));
  });

  it('begins a new day with nothing spent, but never a new total', () => {
    const cap = known({ perDay: nanoUsd(1), total: nanoUsd(2) }, { today: nanoUsd(1), total: nanoUsd(1.5) });
    expect(cap.reserve(nanoUsd(0.1), noon)).toBe('day');
    expect(cap.reserve(nanoUsd(0.6), noon + DAY)).toBe('total');
    expect(cap.reserve(nanoUsd(0.5), noon + DAY)).toEqual({ amount: nanoUsd(0.5) });
    expect(cap.spent(noon + DAY)).toEqual({ today: 0, total: nanoUsd(1.5) });
  });
});
