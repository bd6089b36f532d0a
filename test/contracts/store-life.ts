import { expect, it } from 'vitest';
import { newId } from '../../src/core/index.ts';
import type { Look, Store, TaskEvent } from '../../src/store/types.ts';

const at = Date.UTC(2026, 0, 15);

/** A look with every member set. */
export function aLook(parts: Partial<Look> = {}): Look {
  return {
    id: newId(),
    task: 'classify',
    small: 'small',
    big: 'big',
    series: 's'.repeat(64),
    k: 1,
    n: 500,
    delta: 0.1 + 0.2,
    at,
    by: 'schedule',
    method: 'score',
    verdict: 'cascade',
    retained: 0.991,
    lowerBound: 0.9803,
    certificate: newId(),
    ...parts,
  };
}

/** An event with every member set. */
export function anEvent(parts: Partial<TaskEvent> = {}): TaskEvent {
  return {
    id: newId(),
    task: 'classify',
    at,
    kind: 'alarm',
    certificate: newId(),
    reason: 'Quality fell\0 \ud800: the e-value is 61.',
    detail: { e: 61.25, audits: [1, null], served: { small: 'x' } },
    ...parts,
  };
}

type Open = () => Promise<Store>;

async function withStore(open: Open, body: (store: Store) => Promise<void>): Promise<void> {
  const store = await open();
  try {
    await body(store);
  } finally {
    await store.close();
  }
}

/** What any adapter promises about looks. */
export function looksContract(open: Open): void {
  it('gives looks back as they were, oldest first, and only those asked for', () =>
    withStore(open, async (store) => {
      const first = aLook();
      const second = aLook({ k: 2, at: at + 1, verdict: 'not-enough', retained: null, lowerBound: null, certificate: null, by: 'person' });
      const others = [aLook({ task: 'draft' }), aLook({ small: 'tiny', at: at + 2 }), aLook({ series: 'another', at: at + 3 })];
      for (const look of [second, first, ...others]) await store.looks.add(look);
      expect(await store.looks.list({ task: 'classify', small: 'small', big: 'big', series: first.series })).toEqual([first, second]);
      expect(await store.looks.list({ task: 'classify' })).toEqual([first, second, others[1], others[2]]);
      expect(await store.looks.list({ task: 'unknown' })).toEqual([]);
    }));

  it('keeps a look once and never changes it', () =>
    withStore(open, async (store) => {
      const look = aLook();
      await store.looks.add(look);
      await store.looks.add({ ...look, verdict: 'swap' });
      expect(await store.looks.list({ task: 'classify' })).toEqual([look]);
    }));

  it('gives a number of a series away once, however many ask for it at the same time', () =>
    withStore(open, async (store) => {
      const rivals = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => store.looks.add(aLook({ id: `rival ${i}` }))));
      expect(rivals.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const rival of rivals) if (rival.status === 'rejected') expect(rival.reason).toMatchObject({ code: 'INPUT_INVALID' });
      await store.looks.add(aLook({ big: 'huge' }));
      expect(await store.looks.list({ task: 'classify' })).toHaveLength(2);
    }));

  it('refuses a look with a number that is none', () =>
    withStore(open, async (store) => {
      for (const bad of [{ k: 0 }, { k: 1.5 }, { n: -1 }, { delta: Number.NaN }, { at: 0.5 }]) {
        await expect(store.looks.add(aLook(bad))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await store.looks.list({ task: 'classify' })).toEqual([]);
    }));
}

/** What any adapter promises about events of tasks. */
export function eventsContract(open: Open): void {
  it('gives events back as they were, oldest first, and keeps each once', () =>
    withStore(open, async (store) => {
      const full = anEvent({ at: at + 1 });
      const bare = anEvent({ certificate: null, detail: null, reason: '' });
      expect(await store.events.add([full, bare, { ...full, reason: 'again' }])).toBe(2);
      expect(await store.events.add([{ ...full, reason: 'later' }])).toBe(0);
      expect(await store.events.add([])).toBe(0);
      expect(await store.events.list({})).toEqual([bare, full]);
    }));

  it('lists by task, kind and time, and of many the newest', () =>
    withStore(open, async (store) => {
      const kinds = ['proposed', 'approved', 'stage', 'alarm'] as const;
      const all = kinds.map((kind, i) => anEvent({ kind, at: at + i }));
      const other = anEvent({ task: 'draft', at: at + 9 });
      await store.events.add([...all, other].reverse());
      expect(await store.events.list({ task: 'classify' })).toEqual(all);
      expect(await store.events.list({ kinds: ['alarm'] })).toEqual([all[3], other]);
      expect(await store.events.list({ kinds: [] })).toEqual([]);
      expect(await store.events.list({ task: 'classify', since: at + 1, kinds: ['approved', 'proposed', 'stage'] })).toEqual([
        all[1],
        all[2],
      ]);
      expect(await store.events.list({ task: 'classify', limit: 2 })).toEqual([all[2], all[3]]);
      await expect(store.events.list({ limit: 0 })).rejects.toThrow(RangeError);
    }));

  it('keeps nothing of a batch with an event that cannot be kept', () =>
    withStore(open, async (store) => {
      for (const bad of [{ id: '' }, { at: -1 }]) {
        await expect(store.events.add([anEvent(), anEvent(bad)])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await store.events.list({})).toEqual([]);
    }));
}
