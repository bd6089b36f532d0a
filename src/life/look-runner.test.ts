import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedPair } from '../../test/support/life-pairs.ts';
import { newId } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { openSqliteStore, type Store, type StoredPair } from '../store/index.ts';
import { type LifeTask, LookRunner } from './look-runner.ts';

const task: LifeTask = {
  task: {
    name: 'classify',
    output: { kind: 'label', labels: ['yes', 'no'] },
    floor: { retain: 0.95, level: 0.95 },
    signal: null,
    metricSpec: null,
  },
  big: 'frontier',
  candidates: [{ small: 'small', pins: { small: 'vendor/small' }, trainedUntil: null }],
  method: 'score',
};

/** Answers that are right where the model is sure. */
function traffic(from: number, n: number): StoredPair[] {
  const random = seededRandom(from + 1);
  return Array.from({ length: n }, (_, i) => {
    const token = random.next();
    const smallQuality = token > 0.3 || random.next() < 0.5 ? 1 : 0;
    return storedPair({ id: `request-${from + i}`, at: from + i, smallQuality, signals: { token } });
  });
}

describe('the looks of a task', () => {
  let store: Store;
  let now = 0;
  const warnings: string[] = [];

  beforeEach(async () => {
    store = await openSqliteStore(':memory:');
    warnings.length = 0;
  });
  afterEach(() => store.close());

  function runner(over: Partial<Store> = {}) {
    const clock = { now: () => now, monotonic: () => now };
    return new LookRunner([task], { store: { ...store, ...over }, clock, newId, warn: (message) => warnings.push(message), gate: true });
  }

  it('come when the evidence has grown enough, and a passed one is proposed with all that a lock entry needs', async () => {
    const looks = runner();
    expect(await looks.run()).toEqual([]);
    await store.pairs.append(traffic(0, 700));
    now = 700;
    expect(await looks.run()).toEqual([]);
    await store.pairs.append(traffic(700, 300));
    now = 1_000;
    const [result] = await looks.run();
    expect(await looks.run()).toEqual([]);
    expect(await store.looks.list({ task: 'classify' })).toEqual([result!.look]);
    expect(result!.look).toMatchObject({ k: 1, by: 'schedule', verdict: 'cascade', at: 1_000 });
    const [event, ...more] = await store.events.list({ task: 'classify' });
    expect(more).toEqual([]);
    expect(event).toMatchObject({ kind: 'proposed', certificate: result!.certificate!.id, at: 1_000 });
    expect(event!.detail).toMatchObject({
      certificate: JSON.parse(JSON.stringify(result!.certificate)),
      look: result!.look,
      found: { savings: null, parts: { certify: result!.look.n } },
    });
    expect(await store.certificates.current('classify')).toEqual(result!.certificate);
    expect(warnings).toEqual([]);
  });

  it("start again after an alarm with later pairs alone, and a person's look spends the next share", async () => {
    const looks = runner();
    await store.pairs.append(traffic(0, 1_000));
    now = 1_000;
    await looks.run();
    const [byPerson] = await looks.run({ task: 'classify', by: 'person' });
    expect(byPerson?.look).toMatchObject({ k: 2, by: 'person' });
    expect(await looks.run({ task: 'another', by: 'person' })).toEqual([]);
    await store.events.add([
      { id: newId(), task: 'classify', at: 1_001, kind: 'alarm', certificate: null, reason: 'Quality fell.', detail: null },
    ]);
    await store.pairs.append(traffic(1_001, 600));
    now = 1_700;
    expect(await looks.run()).toEqual([]);
    await store.pairs.append(traffic(1_601, 400));
    now = 2_100;
    const [again] = await looks.run();
    expect(again?.look).toMatchObject({ k: 1, verdict: 'cascade' });
    expect(again?.plan.evidence.leftOut['before-alarm']).toBe(1_001);
    expect(again?.plan.evidence.certify.every(({ at }) => at > 1_001)).toBe(true);
  });

  it('reads no pair while there are too few', async () => {
    let reads = 0;
    const pairs = {
      ...store.pairs,
      list: (query: Parameters<Store['pairs']['list']>[0]) => {
        reads += 1;
        return store.pairs.list(query);
      },
    };
    const looks = runner({ pairs });
    await store.pairs.append(traffic(0, 100));
    for (let round = 0; round < 5; round += 1) await looks.run();
    expect(reads).toBe(1);
    await store.pairs.append(traffic(100, 260));
    await looks.run();
    expect(reads).toBe(2);
  });

  it('propose again what a crash kept from being proposed, and spend no number twice', async () => {
    await store.pairs.append(traffic(0, 1_000));
    now = 1_000;
    const crashing = runner({ events: { ...store.events, add: () => Promise.reject(new Error('killed')) } });
    await expect(crashing.run()).rejects.toThrow('killed');
    expect(await store.events.list({ task: 'classify' })).toEqual([]);
    expect(await runner().run()).toEqual([]);
    const [look] = await store.looks.list({ task: 'classify' });
    expect((await store.events.list({ task: 'classify' })).map(({ kind, certificate }) => [kind, certificate])).toEqual([
      ['proposed', look!.certificate],
    ]);
    // Another process that knows of no look takes number 1 as well: the store refuses, and nothing is proposed by it.
    const blind = runner({ looks: { ...store.looks, list: () => Promise.resolve([]) } });
    expect(await blind.run()).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(await store.events.list({ task: 'classify' })).toHaveLength(1);
    expect((await store.certificates.current('classify'))?.id).toBe(look!.certificate);
  });
});
