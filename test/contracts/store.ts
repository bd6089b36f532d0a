import { describe, expect, it } from 'vitest';
import { type Certificate, DEFAULT_FLOOR, type NanoUsd, newId } from '../../src/core/index.ts';
import type { EvalCell, Store } from '../../src/store/types.ts';
import { callsContract, type Effort } from './store-calls.ts';
import { feedbackContract } from './store-feedback.ts';
import { eventsContract, looksContract } from './store-life.ts';
import { aPair, pairsContract } from './store-pairs.ts';
import { templatesContract } from './store-templates.ts';
import { walkContract } from './store-walk.ts';

const at = Date.UTC(2026, 0, 15);

/** What any store promises. `open` gives an empty one each time; more effort finds more. */
export function storeContract(name: string, open: () => Promise<Store>, effort: Effort): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };
  describe(`store: ${name}`, () => {
    callsContract(open, effort);
    describe('recorded traffic', () => walkContract(open));
    describe('bodies', () => bodiesContract(withStore));
    describe('pairs', () => pairsContract(open));
    describe('looks', () => looksContract(open));
    describe('events of tasks', () => eventsContract(open));
    describe('evals', () => evalsContract(withStore));
    describe('certificates', () => certificatesContract(withStore));
    describe('feedback', () => feedbackContract(open));
    describe('templates', () => templatesContract(open));

    it('takes writes from many callers at once and loses none', () =>
      withStore(async (store) => {
        const writes = Array.from({ length: 20 }, (_, i) =>
          Promise.all([
            store.pairs.append([aPair({ id: `p${i}` })]),
            store.bodies.put([{ hash: `h${i}`, at, body: `body ${i}` }]),
            store.evals.put([aCell({ key: `k${i}`, run: 'run' })]),
          ]),
        );
        await Promise.all(writes);
        await store.flush();
        expect(await store.pairs.count({ task: 'classify', small: 'small', big: 'big' })).toBe(20);
        expect((await store.evals.ofRun('run')).length).toBe(20);
        expect(await store.bodies.get('h19')).toBe('body 19');
      }));
  });
}

type WithStore = (body: (store: Store) => Promise<void>) => Promise<void>;

function bodiesContract(withStore: WithStore): void {
  it('gives a body back as it was, whatever is in it', () =>
    withStore(async (store) => {
      const bodies = { empty: '', nul: 'a\0b', emoji: 'naïve 👩‍🚀\r\n', long: 'x'.repeat(3_000_000) };
      await store.bodies.put(Object.entries(bodies).map(([hash, body]) => ({ hash, at, body })));
      for (const [hash, body] of Object.entries(bodies)) expect(await store.bodies.get(hash)).toBe(body);
      expect(await store.bodies.get('unknown')).toBeNull();
      await store.bodies.put([]);
    }));

  it('prunes what was last put before a time, and keeps what was put again since', () =>
    withStore(async (store) => {
      await store.bodies.put([
        { hash: 'old', at: at - 2, body: 'old' },
        { hash: 'again', at: at - 2, body: 'again' },
        { hash: 'edge', at, body: 'edge' },
        { hash: 'twice', at: at + 1, body: 'twice' },
        { hash: 'twice', at: at - 1, body: 'twice' },
      ]);
      await store.bodies.put([{ hash: 'again', at: at + 5, body: 'again' }]);
      await store.bodies.put([{ hash: 'again', at: at - 5, body: 'again' }]);
      expect(await store.bodies.prune(at)).toBe(1);
      expect(await store.bodies.prune(at)).toBe(0);
      expect(await Promise.all(['old', 'again', 'edge', 'twice'].map((hash) => store.bodies.get(hash)))).toEqual([
        null,
        'again',
        'edge',
        'twice',
      ]);
    }));
}

function aCell(parts: Partial<EvalCell> = {}): EvalCell {
  return {
    key: newId(),
    run: 'run 1',
    item: 'item 1',
    model: 'small',
    at,
    output: 'billing\0\ud800',
    quality: 1,
    confidence: 0.875,
    signals: { stated: 0.5 },
    error: null,
    cost: 77 as NanoUsd,
    latencyMs: 12.25,
    detail: { labels: ['a', null, 1.5], nested: { yes: true } },
    ...parts,
  };
}

function evalsContract(withStore: WithStore): void {
  it('finds good cells again by key, and those of a run, as they were', () =>
    withStore(async (store) => {
      const good = aCell();
      const bare = aCell({ output: null, quality: null, confidence: null, signals: {}, cost: null, latencyMs: null, detail: null });
      const failed = aCell({ at: at + 1, error: 'UPSTREAM_FAILED: no answer', output: null });
      await store.evals.put([failed, good, bare, aCell({ run: 'run 2' })]);
      expect(await store.evals.found([good.key, bare.key, failed.key, 'unknown', good.key])).toEqual(
        new Map([
          [good.key, good],
          [bare.key, bare],
        ]),
      );
      const byTimeAndKey = [good, bare].sort((a, b) => (a.key < b.key ? -1 : 1));
      expect(await store.evals.ofRun('run 1')).toEqual([...byTimeAndKey, failed]);
      expect(await store.evals.found([])).toEqual(new Map());
    }));

  it('replaces an erroneous cell and never a good one', () =>
    withStore(async (store) => {
      const failed = aCell({ error: 'UPSTREAM_FAILED', output: null, quality: null });
      const good = { ...failed, at: at + 5, error: null, output: 'billing', quality: 1, run: 'run 2' };
      await store.evals.put([failed]);
      await store.evals.put([good, failed]);
      await store.evals.put([{ ...good, quality: 0 }, failed]);
      expect(await store.evals.found([good.key])).toEqual(new Map([[good.key, good]]));
      expect(await store.evals.ofRun('run 1')).toEqual([]);
    }));

  it('finds thousands of keys at once', () =>
    withStore(async (store) => {
      const cells = Array.from({ length: 2_500 }, (_, i) => aCell({ key: `key ${i}` }));
      await store.evals.put(cells);
      expect((await store.evals.found(cells.map((cell) => cell.key))).size).toBe(2_500);
    }));
}

function aCertificate(parts: Partial<Certificate> = {}): Certificate {
  return {
    id: newId(),
    task: 'classify',
    small: 'small',
    big: 'frontier',
    verdict: 'cascade',
    threshold: 0.1 + 0.7,
    signal: 'probability',
    method: 'score',
    floor: DEFAULT_FLOOR,
    look: null,
    delta: 0.04,
    pairs: 500,
    accepted: 0.83,
    retained: 0.991,
    retainedLowerBound: 0.9803,
    counts: { kept: 410, lost: 3, gained: 2 },
    evidenceHash: 'e'.repeat(64),
    pins: { small: 'gpt-5-mini-2026-01-01', prompt: 'p'.repeat(64) },
    issuedAt: at,
    expiresAt: at + 30 * 86_400_000,
    ...parts,
  };
}

function certificatesContract(withStore: WithStore): void {
  it('knows the newest one of a task that is not void', () =>
    withStore(async (store) => {
      const old = aCertificate();
      const young = aCertificate({ issuedAt: at + 1 });
      for (const certificate of [young, old, aCertificate({ task: 'draft', issuedAt: at + 9 })]) await store.certificates.add(certificate);
      expect(await store.certificates.current('classify')).toEqual(young);
      await store.certificates.void(young.id, at + 5, 'the prompt changed');
      expect(await store.certificates.current('classify')).toEqual(old);
      await store.certificates.void(old.id, at + 6, 'so it did here');
      expect(await store.certificates.current('classify')).toBeNull();
      expect(await store.certificates.current('unknown')).toBeNull();
      expect(await store.certificates.history('classify')).toEqual([
        { certificate: young, voided: { at: at + 5, reason: 'the prompt changed' } },
        { certificate: old, voided: { at: at + 6, reason: 'so it did here' } },
      ]);
    }));

  it('never changes one: neither by adding it again nor by voiding it twice', () =>
    withStore(async (store) => {
      const certificate = aCertificate();
      await store.certificates.add(certificate);
      await store.certificates.add({ ...certificate, retained: 0 });
      await store.certificates.void(certificate.id, at, 'first');
      await store.certificates.void(certificate.id, at + 1, 'second');
      expect(await store.certificates.history('classify')).toEqual([{ certificate, voided: { at, reason: 'first' } }]);
      await expect(store.certificates.void('unknown', at, 'why')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    }));
}
