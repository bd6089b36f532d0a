import { expect, it } from 'vitest';
import type { Call, NanoUsd } from '../../src/core/index.ts';
import type { RecordedRequest, Store } from '../../src/store/types.ts';
import { aCall } from './calls.ts';

const at = Date.UTC(2026, 0, 15, 12, 30);
const nano = (value: number) => value as NanoUsd;

/** What any adapter promises to those who go through recorded traffic: request by request, by model and by purpose. */
export function walkContract(open: () => Promise<Store>): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  it('walks the closed requests of a task in pages, oldest first, each with all its attempts', () =>
    withStore(async (store) => {
      const expected: RecordedRequest[] = [];
      const noise: Call[] = [aCall({ task: 'draft' }), aCall({ purpose: 'shadow', outcome: 'observed' }), aCall({ outcome: 'aborted' })];
      for (let i = 0; i < 11; i++) {
        // Some share a time, and then the id decides; some were escalated, shadowed and judged by another task.
        const requestId = `request ${i}`;
        const time = at + Math.floor(i / 3) * 1000;
        const id = (n: number) => `id ${String(i).padStart(2, '0')}/${n}`;
        const first = aCall({ requestId, at: time, id: id(0), outcome: 'escalated' });
        const closing = aCall({ requestId, at: time + 5, id: id(1), purpose: 'escalation', outcome: i % 2 === 0 ? 'accepted' : 'failed' });
        const shadow = aCall({ requestId, at: time + 9, id: id(2), purpose: 'shadow', outcome: 'observed' });
        const judge = aCall({ requestId, at: time + 9, id: id(3), purpose: 'judge', outcome: 'accepted', task: 'judge' });
        expected.push({ requestId, closing, calls: [first, closing, shadow, judge] });
      }
      await store.calls.append([...noise, ...expected.flatMap((request) => request.calls)].reverse());
      const walked: RecordedRequest[] = [];
      for (;;) {
        const after = walked.at(-1)?.closing;
        const page = await store.calls.requests({ task: 'classify', since: at }, { limit: 4, ...(after === undefined ? {} : { after }) });
        expect(page.length).toBeLessThanOrEqual(4);
        if (page.length === 0) break;
        walked.push(...page);
      }
      expect(walked).toEqual(expected);
      const some = await store.calls.requests({ task: 'classify', since: at + 1005, until: at + 3005 }, { limit: 99 });
      expect(some.map((request) => request.requestId)).toEqual(expected.slice(3, 9).map((request) => request.requestId));
      expect(await store.calls.requests({ task: 'unknown', since: 0 }, { limit: 1 })).toEqual([]);
      await expect(store.calls.requests({ task: 'classify', since: 0 }, { limit: 0 })).rejects.toThrow(RangeError);
    }));

  it('walks on after a closing call that has been pruned meanwhile', () =>
    withStore(async (store) => {
      const calls = [0, 1, 2].map((i) => aCall({ at: at + i }));
      await store.calls.append(calls);
      const [first] = await store.calls.requests({ task: 'classify', since: at }, { limit: 1 });
      await store.calls.prune(at + 1);
      const rest = await store.calls.requests({ task: 'classify', since: at }, { limit: 9, after: first!.closing });
      expect(rest.map((request) => request.closing)).toEqual(calls.slice(1));
    }));

  it('gives a request once that was closed twice under one name, by its last', () =>
    withStore(async (store) => {
      const calls = [0, 5, 5].map((offset, i) => aCall({ requestId: 'same', at: at + offset, id: `id ${i}` }));
      const other = aCall({ requestId: 'same', at: at + 9, task: 'draft' });
      await store.calls.append([...calls, other]);
      expect(await store.calls.requests({ task: 'classify', since: at }, { limit: 9 })).toEqual([
        { requestId: 'same', closing: calls[2], calls: [...calls, other] },
      ]);
    }));

  it('names the models that really answered, with when and how often', () =>
    withStore(async (store) => {
      const served = (servedModel: string | null, offset: number, parts: Partial<Call> = {}) =>
        aCall({ servedModel, at: at + offset, ...parts });
      await store.calls.append([
        served('mini-2026-02', 3),
        served('mini-2026-01', 2, { outcome: 'failed' }),
        served('mini-2026-01', 0, { purpose: 'shadow', task: 'draft' }),
        served('big-1', 1, { model: 'big', task: null }),
        served('mini-2026-01', 4, { provider: 'azure' }),
        served(null, 5),
        served('mini-2025', -1),
      ]);
      const row = (model: string, provider: string, name: string, calls: number, [first, last]: readonly [number, number]) => ({
        model,
        provider,
        served: name,
        calls,
        firstAt: at + first,
        lastAt: at + last,
      });
      expect(await store.calls.servedModels({ since: at })).toEqual([
        row('big', 'openai', 'big-1', 1, [1, 1]),
        row('small', 'azure', 'mini-2026-01', 1, [4, 4]),
        row('small', 'openai', 'mini-2026-01', 2, [0, 2]),
        row('small', 'openai', 'mini-2026-02', 1, [3, 3]),
      ]);
      expect(await store.calls.servedModels({ since: at, until: at + 3, task: 'classify' })).toEqual([
        row('small', 'openai', 'mini-2026-01', 1, [2, 2]),
      ]);
      expect(await store.calls.servedModels({ since: at + 10 })).toEqual([]);
    }));

  it('adds up what purposes cost by task, from the whole hour on, and after rows are pruned too', () =>
    withStore(async (store) => {
      const spent = (purpose: Call['purpose'], cost: number | null, parts: Partial<Call> = {}) =>
        aCall({ purpose, cost: cost === null ? null : nano(cost), outcome: 'observed', at, ...parts });
      await store.calls.append([
        spent('shadow', 5),
        spent('shadow', 7, { at: at - 30 * 60_000 }),
        spent('shadow', null, { at: at + 90 * 86_400_000 }),
        spent('audit', 11),
        spent('judge', 13, { task: null }),
        spent('shadow', 17, { task: 'draft' }),
        spent('answer', 1000),
        spent('shadow', 19, { at: at - 30 * 60_000 - 1 }),
      ]);
      const line = (task: string | null, purpose: string, calls: number, unpricedCalls: number, cost: number) => ({
        task,
        purpose,
        calls,
        unpricedCalls,
        cost,
      });
      const all = [
        line(null, 'judge', 1, 0, 13),
        line('classify', 'audit', 1, 0, 11),
        line('classify', 'shadow', 3, 1, 12),
        line('draft', 'shadow', 1, 0, 17),
      ];
      const purposes = ['shadow', 'audit', 'judge'] as const;
      expect(await store.calls.spend({ since: at, purposes })).toEqual(all);
      expect(await store.calls.spend({ since: at, purposes: ['shadow'], task: 'classify' })).toEqual([all[2]]);
      expect(await store.calls.spend({ since: 0, purposes: ['shadow'], task: 'classify' })).toEqual([line('classify', 'shadow', 4, 1, 31)]);
      await store.calls.prune(at + 1);
      expect(await store.calls.spend({ since: at, purposes })).toEqual(all);
      expect(await store.calls.spend({ since: at, purposes: [] })).toEqual([]);
    }));
}
