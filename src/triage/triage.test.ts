import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { countTexts } from './feature-counter.ts';
import { fitRouter, predictGains } from './router.ts';
import { parseTriage, serialiseTriage, type TriageCard } from './serialise.ts';
import { type TrainedTriage, trainTriage } from './train.ts';
import { Triage } from './triage.ts';
import type { TriageRow } from './types.ts';

const FILLER = 'the a of order parcel invoice please customer service today about and my with new old account question'.split(' ');

interface World {
  readonly n: number;
  readonly seed: number;
  /** P(small right) where the text asks for a proof, and where not; big is right with .9. */
  readonly hard?: number;
  readonly easy?: number;
  readonly big?: number;
  readonly categories?: boolean;
  readonly graded?: boolean;
}

/** Requests of which half ask for a proof; with categories, every second category has the harder requests instead of the word. */
function worldOf({ n, seed, hard = 0.3, easy = 0.9, big = 0.9, categories = false, graded = false }: World): TriageRow[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, (_, index) => {
    const isHard = random.next() < 0.5;
    const words = Array.from({ length: 8 }, () => FILLER[random.int(FILLER.length)]!);
    if (isHard && !categories) words[random.int(8)] = 'prove';
    const outcome = (probability: number) =>
      graded ? Math.min(1, Math.max(0, probability + 0.1 * random.normal())) : random.next() < probability ? 1 : 0;
    return {
      id: `r${index}`,
      text: `${words.join(' ')} ${index}`,
      ...(categories ? { category: isHard ? 'proofs' : 'chat' } : {}),
      small: outcome(isHard ? hard : easy),
      big: outcome(big),
    };
  });
}

const rows = worldOf({ n: 400, seed: 1 });
let trained: TrainedTriage;
let card: TriageCard;
beforeAll(() => {
  trained = trainTriage(rows, { seed: 1 });
  card = {
    format: 'smallfirst-triage',
    version: 1,
    created: '2026-10-01T00:00:00.000Z',
    seed: 1,
    dataHash: trained.dataHash,
    tasks: [],
    categories: 0,
    features: trained.model.encoding.buckets.length,
    penalty: trained.penalty,
    report: trained.report,
  };
});

describe('trainTriage', () => {
  it('finds the requests that need the big model, and says so', () => {
    const { report } = trained;
    expect(report).toMatchObject({ use: true, refusals: [], rows: 400, clusters: 400, folds: 5, lookup: null, overLookup: null });
    expect(report.apgr95!.low).toBeGreaterThan(0.6);
    expect(report.tiers.hard.big! - report.tiers.hard.small!).toBeGreaterThan(0.3);
    const triage = new Triage(trained.model);
    const hard = triage.predict({ text: 'my old account with the new prove 7' });
    const easy = triage.predict({ text: 'my old account with the new about 7' });
    expect([hard.tier, easy.tier]).toEqual(['hard', 'easy']);
    expect(hard.gain - easy.gain).toBeGreaterThan(0.2);
  });

  it('gives the same model for the same rows in any order', () => {
    const again = trainTriage(seededRandom(9).shuffle(rows), { seed: 1 });
    expect(serialiseTriage(again.model, { ...card, report: again.report })).toEqual(serialiseTriage(trained.model, card));
    expect(again.dataHash).toBe(trained.dataHash);
  });

  it('learns from graded qualities', () => {
    const { report } = trainTriage(worldOf({ n: 200, seed: 2, graded: true }), { seed: 1 });
    expect(report.use).toBe(true);
    expect(report.quality.small).toBeCloseTo(0.6, 1);
  });

  it('refuses a router for models that hardly differ, and shows no APGR', () => {
    const { report } = trainTriage(worldOf({ n: 200, seed: 3, hard: 0.9, easy: 0.9 }), { seed: 1 });
    expect(report).toMatchObject({ use: false, refusals: ['gap-unstable'], apgr: null, apgr95: null });
  });

  it('refuses a router to a model that is worse', () => {
    const { report } = trainTriage(worldOf({ n: 200, seed: 4, hard: 0.9, easy: 0.9, big: 0.5 }), { seed: 1 });
    expect(report).toMatchObject({ use: false, refusals: ['big-not-better'] });
  });

  it('refuses a router that nothing in the text helps', () => {
    const { report } = trainTriage(worldOf({ n: 300, seed: 5, hard: 0.5, easy: 0.5 }), { seed: 1 });
    expect(report).toMatchObject({ use: false, refusals: ['no-better-than-random'] });
    expect(report.apgr95!.low).toBeLessThan(0.5);
  });

  it('refuses a router that says no more than the category does', () => {
    const { report } = trainTriage(worldOf({ n: 400, seed: 6, categories: true }), { seed: 1 });
    expect(report).toMatchObject({ use: false, refusals: ['no-better-than-lookup'] });
    expect(report.lookup!.apgr95!.low).toBeGreaterThan(0.5);
    expect(report.overLookup!.apgr95.low).toBeLessThanOrEqual(0);
  });

  it('uses one router across tasks where the text says more than task and category', () => {
    const both = worldOf({ n: 400, seed: 7 }).map((row, index) => ({
      ...row,
      task: index % 2 === 0 ? 'mail' : 'chat',
      category: `c${index % 3}`,
    }));
    const { report, model } = trainTriage(both, { seed: 1 });
    expect(report.use).toBe(true);
    expect(report.overLookup!.apgr95.low).toBeGreaterThan(0);
    expect(model.encoding.names).toEqual(
      ['chat', 'mail'].flatMap((task) => [...['c0', 'c1', 'c2'].map((category) => ({ task, category })), { task, category: null }]),
    );
  });

  it('never splits a cluster, and says how many there are', () => {
    const clustered = rows.map((row, index) => ({ ...row, cluster: `customer ${index % 40}` }));
    expect(trainTriage(clustered, { seed: 1 }).report.clusters).toBe(40);
  });

  it('wants enough rows to hold some out', () => {
    expect(() => trainTriage(rows.slice(0, 19), { seed: 1 })).toThrow('19 different texts or clusters are too few');
    expect(() =>
      trainTriage(
        rows.map((row) => ({ ...row, text: 'same' })),
        { seed: 1 },
      ),
    ).toThrow('1 different texts');
  });
});

describe('Triage', () => {
  it('predicts what the fitted router predicts, but for the rounding of stored weights', () => {
    const data = { rows, texts: countTexts(rows.map((row) => row.text)) };
    const all = rows.map((_row, index) => index);
    const fitted = fitRouter(data, all, 1);
    const triage = new Triage({ encoding: fitted.encoding, weights: Float32Array.from(fitted.weights), cuts: [0, 0.1] });
    predictGains(fitted, data, all).forEach((gain, index) => {
      expect(triage.predict(rows[index]!).gain).toBeCloseTo(gain, 5);
    });
  });

  it('predicts the same before and after a trip through a file, for any text', () => {
    const read = parseTriage(serialiseTriage(trained.model, card));
    expect(read.card).toEqual(card);
    const [before, after] = [new Triage(trained.model), new Triage(read.model)];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom('prove ', ''), (text, start) => {
        const prediction = after.predict({ text: start + text, task: 'unheard of', category: 'new' });
        expect(prediction).toEqual(before.predict({ text: start + text }));
        expect(Math.abs(prediction.gain)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('parseTriage', () => {
  const refusal = (bytes: Uint8Array) => {
    try {
      parseTriage(bytes);
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
    return 'read';
  };

  it('refuses a file with any byte changed or cut off', () => {
    const file = serialiseTriage(trained.model, card);
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(file);
        changed[at] = changed[at]! ^ change;
        expect(refusal(changed)).toBe('TRIAGE_FILE_INVALID');
        expect(refusal(file.subarray(0, at))).toBe('TRIAGE_FILE_INVALID');
      }),
      { numRuns: 50 },
    );
  });

  it('refuses numbers that are not finite, though the checksum fits', () => {
    const weights = trained.model.weights.slice();
    weights[3] = Number.NaN;
    expect(refusal(serialiseTriage({ ...trained.model, weights }, card))).toBe('TRIAGE_FILE_INVALID');
    expect(refusal(serialiseTriage({ ...trained.model, weights: weights.subarray(2) }, card))).toBe('TRIAGE_FILE_INVALID');
  });

  it('has a version that pins the content', () => {
    const version = (seed: number) => parseTriage(serialiseTriage(trained.model, { ...card, seed })).version;
    expect(version(1)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(version(1)).toBe(version(1));
    expect(version(2)).not.toBe(version(1));
  });
});
