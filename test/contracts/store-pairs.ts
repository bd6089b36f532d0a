import { expect, it } from 'vitest';
import { type NanoUsd, newId } from '../../src/core/index.ts';
import type { Store, StoredPair } from '../../src/store/types.ts';

const at = Date.UTC(2026, 0, 15);
const query = { task: 'classify', small: 'small', big: 'big' };

/** A pair with every member set, so that a test names only what it is about. */
export function aPair(parts: Partial<StoredPair> = {}): StoredPair {
  return {
    id: newId(),
    task: 'classify',
    small: 'small',
    big: 'big',
    at,
    drawn: 'uniform',
    inclusion: 0.05,
    cluster: 'conversation 7',
    smallQuality: 1,
    bigQuality: 0.75,
    confidence: 0.1 + 0.2,
    signals: { margin: 0.5, logprob: -1e-300 },
    smallCost: 12 as NanoUsd,
    bigCost: 3_400 as NanoUsd,
    smallLatencyMs: 0.0621,
    bigLatencyMs: 1234.5678,
    requestId: newId(),
    certificate: newId(),
    prompt: 'p'.repeat(64),
    servedSmall: 'gpt-5-mini-2026-01-01',
    servedBig: 'gpt-5-2026-01-01',
    input: 'refund?\0 \ud800 👩‍🚀',
    smallOutput: 'billing\0\ud800',
    bigOutput: '',
    by: 'judge:frontier',
    skip: true,
    ...parts,
  };
}

/** A pair in which everything that may be absent is. */
export function aBarePair(parts: Partial<StoredPair> = {}): StoredPair {
  return aPair({
    cluster: null,
    confidence: null,
    signals: {},
    smallCost: null,
    bigCost: null,
    smallLatencyMs: null,
    bigLatencyMs: null,
    requestId: null,
    certificate: null,
    prompt: null,
    servedSmall: null,
    servedBig: null,
    input: null,
    smallOutput: null,
    bigOutput: null,
    by: 'label',
    skip: false,
    ...parts,
  });
}

/** What any adapter promises about pairs. */
export function pairsContract(open: () => Promise<Store>): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  it('gives pairs back as they were, oldest first, and only those asked for', () =>
    withStore(async (store) => {
      const bare = aBarePair({ at: at + 1 });
      const full = aPair();
      expect(await store.pairs.append([bare, full, aPair({ task: 'draft' }), aPair({ small: 'other' }), aPair({ big: 'other' })])).toBe(5);
      expect(await store.pairs.list(query)).toEqual([full, bare]);
      expect(await store.pairs.list({ ...query, since: at + 1 })).toEqual([bare]);
      expect(await store.pairs.count(query)).toBe(2);
      expect(await store.pairs.count({ ...query, task: 'unknown' })).toBe(0);
    }));

  it('lists and counts by whatever is asked, and by nothing else', () =>
    withStore(async (store) => {
      const pairs = [
        aPair({ id: 'a' }),
        aPair({ id: 'b', at: at + 1, small: 'tiny', drawn: 'audit', certificate: 'c1' }),
        aPair({ id: 'c', at: at + 2, big: 'huge', drawn: 'audit', certificate: 'c2' }),
        aBarePair({ id: 'd', at: at + 3, drawn: 'feedback' }),
        aPair({ id: 'e', task: 'draft' }),
      ];
      await store.pairs.append(pairs);
      const cases: [Parameters<Store['pairs']['count']>[0], string][] = [
        [{ task: 'classify' }, 'abcd'],
        [{ task: 'classify', small: 'small' }, 'acd'],
        [{ task: 'classify', big: 'big' }, 'abd'],
        [{ task: 'classify', since: at + 1, until: at + 3 }, 'bc'],
        [{ task: 'classify', drawn: 'audit' }, 'bc'],
        [{ task: 'classify', drawn: 'audit', certificate: 'c2' }, 'c'],
        [{ task: 'draft', drawn: 'uniform' }, 'e'],
      ];
      for (const [asked, expected] of cases) {
        expect((await store.pairs.list(asked)).map((pair) => pair.id).join('')).toBe(expected);
        expect(await store.pairs.count(asked)).toBe(expected.length);
      }
      expect((await store.pairs.list({ task: 'classify', limit: 2 })).map((pair) => pair.id)).toEqual(['a', 'b']);
      await expect(store.pairs.list({ task: 'classify', limit: 0 })).rejects.toThrow(RangeError);
    }));

  it('leaves a pair alone that is there already, for this task and these models only', () =>
    withStore(async (store) => {
      const pair = aPair({ id: 'same' });
      expect(await store.pairs.append([pair, { ...pair, smallQuality: 0 }, { ...pair, task: 'draft' }])).toBe(2);
      expect(await store.pairs.append([{ ...pair, smallQuality: 0.5 }])).toBe(0);
      expect(await store.pairs.list(query)).toEqual([pair]);
      expect(await store.pairs.append([])).toBe(0);
    }));

  it('keeps nothing of a batch with a pair that cannot be kept', () =>
    withStore(async (store) => {
      for (const bad of [{ smallQuality: Number.NaN }, { id: '' }, { inclusion: 0 }, { inclusion: 1.5 }, { at: 0.5 }]) {
        await expect(store.pairs.append([aPair(), aPair(bad)])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await store.pairs.count(query)).toBe(0);
    }));
}
