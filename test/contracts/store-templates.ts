import { expect, it } from 'vitest';
import { newId } from '../../src/core/index.ts';
import type { Store } from '../../src/store/types.ts';
import { aCall } from './calls.ts';

const at = Date.UTC(2026, 0, 15);
const hash = 'ab'.repeat(32);

/** What any adapter promises about templates. */
export function templatesContract(open: () => Promise<Store>): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  it('keeps a template once, whatever characters it holds', () =>
    withStore(async (store) => {
      expect(
        await store.templates.put([
          { hash, masked: 'one \0 \ud800', at },
          { hash, masked: 'two', at },
          { hash: 'c', masked: '', at },
        ]),
      ).toBe(2);
      expect(await store.templates.put([{ hash, masked: 'three', at }])).toBe(0);
      expect(await store.templates.put([])).toBe(0);
      await store.calls.append([aCall({ fingerprint: hash, at, task: null, purpose: 'answer', outcome: 'accepted' })]);
      expect((await store.templates.usage({ from: at, to: at + 1 }))[0]?.masked).toBe('two');
    }));

  it('counts requests, attempts and money by template and task, the most asked first', () =>
    withStore(async (store) => {
      const call = (parts: Parameters<typeof aCall>[0]) =>
        aCall({
          id: newId(),
          fingerprint: hash,
          task: null,
          purpose: 'answer',
          outcome: 'accepted',
          cost: 5 as never,
          priceId: 'p',
          ...parts,
        });
      await store.calls.append([
        call({ at: at + 2 }),
        call({ at: at + 1, outcome: 'escalated' }),
        call({ at: at + 3, purpose: 'escalation', cost: null, priceId: null }),
        call({ at: at + 1, task: 'classify' }),
        call({ at: at + 1, fingerprint: null, purpose: 'passthrough', outcome: 'failed' }),
        call({ at: at + 1, purpose: 'shadow' }),
        call({ at: at - 1 }),
      ]);
      expect(await store.templates.usage({ from: at, to: at + 4 })).toEqual([
        { fingerprint: hash, task: null, masked: null, calls: 3, requests: 2, unpricedCalls: 1, cost: 10, firstAt: at + 1, lastAt: at + 3 },
        { fingerprint: null, task: null, masked: null, calls: 1, requests: 1, unpricedCalls: 0, cost: 5, firstAt: at + 1, lastAt: at + 1 },
        {
          fingerprint: hash,
          task: 'classify',
          masked: null,
          calls: 1,
          requests: 1,
          unpricedCalls: 0,
          cost: 5,
          firstAt: at + 1,
          lastAt: at + 1,
        },
      ]);
      expect(await store.templates.usage({ from: at + 10, to: at + 11 })).toEqual([]);
    }));
}
