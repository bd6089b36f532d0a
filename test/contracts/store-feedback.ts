import { expect, it } from 'vitest';
import { newId } from '../../src/core/index.ts';
import type { Feedback, Store } from '../../src/store/types.ts';
import { aCall } from './calls.ts';

const at = Date.UTC(2026, 0, 15);

/** Feedback with every member set. */
export function aFeedback(parts: Partial<Feedback> = {}): Feedback {
  return { id: newId(), requestId: newId(), at, key: 'web', label: 'billing', score: 0.25, comment: 'wrong queue\0 \ud800 👩‍🚀', ...parts };
}

/** What any adapter promises about feedback. */
export function feedbackContract(open: () => Promise<Store>): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  it('gives feedback back as it was, oldest first, and keeps it once', () =>
    withStore(async (store) => {
      const requestId = newId();
      const full = aFeedback({ requestId, at: at + 1 });
      const bare = aFeedback({ requestId, key: null, label: null, score: null, comment: null });
      expect(await store.feedback.append([full, bare, full, aFeedback()])).toBe(3);
      expect(await store.feedback.append([full, { ...bare, score: 1 }])).toBe(0);
      expect(await store.feedback.append([])).toBe(0);
      expect(await store.feedback.ofRequest(requestId)).toEqual([bare, full]);
      expect(await store.feedback.ofRequest('unknown')).toEqual([]);
    }));

  it('keeps nothing of a batch with feedback that cannot be kept', () =>
    withStore(async (store) => {
      for (const bad of [{ id: '' }, { at: 1.5 }, { score: Number.NaN }]) {
        await expect(store.feedback.append([aFeedback(), aFeedback(bad)])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await store.feedback.list({}, { limit: 10 })).toEqual([]);
    }));

  it('joins feedback to the call that closed its request, whichever of them came first', () =>
    withStore(async (store) => {
      const requestId = newId();
      const early = aFeedback({ requestId });
      const lost = aFeedback({ at: at + 1 });
      const other = aFeedback({ at: at + 2 });
      await store.feedback.append([early, lost, other]);
      const closing = aCall({ requestId, purpose: 'escalation', outcome: 'accepted' });
      const draft = aCall({ requestId, task: 'draft' });
      await store.calls.append([
        aCall({ requestId, outcome: 'escalated' }),
        closing,
        aCall({ requestId, purpose: 'audit', outcome: 'accepted', at: closing.at + 5 }),
        { ...draft, requestId: other.requestId },
      ]);
      expect(await store.feedback.list({}, { limit: 10 })).toEqual([
        { feedback: other, call: { ...draft, requestId: other.requestId } },
        { feedback: lost, call: null },
        { feedback: early, call: closing },
      ]);
      expect(await store.feedback.list({ task: 'classify' }, { limit: 10 })).toEqual([{ feedback: early, call: closing }]);
      expect((await store.feedback.list({ since: at + 1, until: at + 2 }, { limit: 10 })).map((row) => row.feedback)).toEqual([lost]);
    }));

  it('lists in pages without a gap', () =>
    withStore(async (store) => {
      const all = Array.from({ length: 7 }, (_, i) => aFeedback({ at: at + Math.floor(i / 3) }));
      await store.feedback.append(all);
      const seen: string[] = [];
      for (;;) {
        const before = seen.at(-1);
        const page = await store.feedback.list({}, { limit: 2, ...(before === undefined ? {} : { before }) });
        if (page.length === 0) break;
        seen.push(...page.map((row) => row.feedback.id));
      }
      const newestFirst = [...all].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      expect(seen).toEqual(newestFirst.map((feedback) => feedback.id));
      await expect(store.feedback.list({}, { limit: 2, before: 'unknown' })).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
      await expect(store.feedback.list({}, { limit: 0 })).rejects.toThrow(RangeError);
    }));
}
