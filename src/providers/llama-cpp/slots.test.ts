import { describe, expect, it } from 'vitest';
import { Slots } from './slots.ts';

const nobody = { signal: null };

describe('Slots', () => {
  it('serves callers in order, and turns away whoever finds the line full', async () => {
    const slots = new Slots('tiny', ['one'], 1);
    const first = await slots.take(nobody);
    const second = slots.take(nobody);
    await expect(slots.take(nobody)).rejects.toMatchObject({
      code: 'UPSTREAM_BUSY',
      message: 'Too many requests are under way or in line for tiny.',
      retryAfterMs: 1000,
    });
    slots.giveBack(first);
    expect([await second, slots.waiting]).toEqual(['one', 0]);
  });

  it('lets a caller leave the line, and nobody wait for it', async () => {
    const slots = new Slots('tiny', ['one'], 2);
    const first = await slots.take(nobody);
    const going = new AbortController();
    const second = slots.take({ signal: going.signal });
    const third = slots.take(nobody);
    going.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    slots.giveBack(first);
    expect(await third).toBe('one');
    await expect(slots.take({ signal: going.signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
