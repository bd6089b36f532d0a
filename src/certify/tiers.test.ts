import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd, type Pair } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { certify, certifyTiers, type LadderAnswer, type LadderRow, type TierOptions } from './index.ts';

const three: TierOptions = { models: ['small', 'mid', 'big'], floor: 0.98, level: 0.95, method: 'score' };

/** A ladder whose confidences are the chances to be right: small is good on the easy half, mid on seven tenths. */
function ladderRows(n: number, seed = 1, more: (tier: number) => Partial<LadderAnswer> = costs): LadderRow[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, (_, i) => {
    const hard = random.next();
    const chances = [1 - 0.002 * hard - 0.9 * Math.max(0, hard - 0.5), 1 - 0.002 * hard - 0.6 * Math.max(0, hard - 0.7)];
    const big = random.next() < 0.97 ? 1 : 0;
    const answers = [...chances.map((p) => ({ quality: big === 1 && random.next() < p ? 1 : 0, confidence: p })), { quality: big }];
    return { id: `r${i}`, answers: answers.map((answer, tier) => ({ ...answer, ...more(tier) })) };
  });
}

function costs(tier: number): Partial<LadderAnswer> {
  return { cost: nanoUsd([0.0001, 0.0005, 0.002][tier]!) };
}

function unpricedAnswer({ quality, confidence }: LadderAnswer): LadderAnswer {
  return { quality, ...(confidence === undefined ? {} : { confidence }) };
}

const answer = fc.record({
  quality: fc.constantFrom(0, 1, 1, 1, 1, 1),
  confidence: fc.option(
    fc.nat(30).map((k) => k / 30),
    { nil: undefined },
  ),
});

/** Rows as fast-check draws them: few distinct confidences, some missing, sometimes skipped or in clusters. */
function rowsOf(models: number, extra: fc.Arbitrary<Partial<LadderRow>> = fc.constant({})): fc.Arbitrary<LadderRow[]> {
  const row = fc.tuple(fc.array(answer, { minLength: models, maxLength: models }), extra);
  return fc.array(row, { minLength: 1, maxLength: 250 }).map((drawn) =>
    drawn.map(([answers, more], i) => ({
      id: `r${i}`,
      answers: answers.map(({ quality, confidence }, tier) => ({
        quality,
        cost: (10 ** tier * 1000) as NanoUsd,
        ...(confidence === undefined ? {} : { confidence }),
      })),
      ...more,
    })),
  );
}

const marks = fc.record({ skip: fc.boolean(), cluster: fc.constantFrom('a', 'b', 'c') }, { requiredKeys: [] });

describe('a ladder of two models', () => {
  it('is certified point for point as certify does', () => {
    const options = fc.record({
      floor: fc.constantFrom(0.8, 0.9, 0.98),
      method: fc.constantFrom('score', 'evalue'),
      look: fc.constantFrom(undefined, 2),
    });
    fc.assert(
      fc.property(rowsOf(2, marks), options, (rows, { floor, method, look }) => {
        const pairs: Pair[] = rows.map(({ answers, ...row }) => ({
          ...row,
          small: answers[0]!,
          big: { quality: answers[1]!.quality, cost: answers[1]!.cost! },
        }));
        const goal = { floor, level: 0.95, method, look } as const;
        const alone = certify(pairs, goal);
        const ladder = certifyTiers(rows, { ...goal, models: ['small', 'big'] });
        const { n, pairs: read, delta, verdict, reason, accepted, retained, counts, pairsNeeded } = alone;
        expect(ladder).toMatchObject({ n, pairs: read, delta, verdict, accepted, method: alone.method, counts, pairsNeeded });
        expect(ladder.reason).toBe(reason);
        expect(ladder.thresholds).toEqual({ small: alone.threshold, big: null });
        expect(ladder.acceptedBy.small).toBeCloseTo(accepted, 12);
        expect(ladder.savings).toBeCloseTo(alone.savings!, 12);
        if (retained !== null) expect(ladder.retained).toBeCloseTo(retained, 12);
        if (alone.retainedLowerBound !== null) expect(ladder.retainedLowerBound).toBeCloseTo(alone.retainedLowerBound, 8);
        expect(ladder.grid.map((point) => point.accepted)).toEqual(alone.grid.map((point) => point.accepted));
        for (const [i, point] of ladder.grid.entries()) expect(point.p).toBeCloseTo(alone.grid[i]!.p, 9);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a ladder of three models', () => {
  it('certifies thresholds together, and every figure can be counted again from the rows', () => {
    const rows = ladderRows(4000);
    const result = certifyTiers(rows, three);
    expect(result.verdict).toBe('cascade');
    const { small, mid, big } = result.thresholds;
    expect(big).toBeNull();
    expect(1 - small!).toBeLessThanOrEqual((1 - mid!) * (0.0005 / 0.002) + 1e-12);
    const by = rows.map(({ answers }) => (answers[0]!.confidence! >= small! ? 0 : answers[1]!.confidence! >= mid! ? 1 : 2));
    const share = (tier: number) => by.filter((t) => t === tier).length / 4000;
    expect(result.acceptedBy).toEqual({ small: share(0), mid: share(1), big: share(2) });
    expect(result.askedBy).toEqual({ small: 1, mid: by.filter((t) => t > 0).length / 4000, big: share(2) });
    expect(result.accepted).toBeCloseTo(share(0) + share(1), 12);
    const quality = rows.reduce((sum, row, i) => sum + row.answers[by[i]!]!.quality, 0);
    expect(result.retained).toBeCloseTo(quality / rows.reduce((sum, row) => sum + row.answers[2]!.quality, 0), 12);
    expect(result.retainedLowerBound).toBeGreaterThanOrEqual(0.98);
    const spent = result.askedBy.small! * 0.0001 + result.askedBy.mid! * 0.0005 + result.askedBy.big! * 0.002;
    expect(result.savings).toBeCloseTo(1 - spent / 0.002, 9);
    const thrownAway = (1 - share(0)) * 0.0001 + (result.askedBy.mid! - share(1)) * 0.0005;
    expect(result.wasted).toBeCloseTo(thrownAway / spent, 9);
    expect(result.savings).toBe(
      Math.max(...result.grid.filter((_, i) => i <= result.grid.findIndex((p) => p.p > result.delta) - 1).map((p) => p.savings!)),
    );
  });

  it('saves more than either model alone below the ceiling', () => {
    const rows = ladderRows(4000);
    const saved = certifyTiers(rows, three).savings!;
    for (const tier of [0, 1]) {
      const two = rows.map((row) => ({ ...row, answers: [row.answers[tier]!, row.answers[2]!] }));
      expect(saved).toBeGreaterThan(certifyTiers(two, { ...three, models: ['one', 'big'] }).savings!);
    }
  });

  it('walks a path that only grows bolder where costs are not known: thresholds never rise, acceptance never falls', () => {
    fc.assert(
      fc.property(rowsOf(3, marks), (rows) => {
        const unpriced = rows.map((row) => ({ ...row, answers: row.answers.map(unpricedAnswer) }));
        const { grid } = certifyTiers(unpriced, three);
        for (let i = 1; i < grid.length; i += 1) {
          const [before, now] = [grid[i - 1]!, grid[i]!];
          expect(now.accepted).toBeGreaterThanOrEqual(before.accepted);
          for (const model of ['small', 'mid']) {
            const low = now.thresholds[model] ?? Number.POSITIVE_INFINITY;
            expect(low).toBeLessThanOrEqual(before.thresholds[model] ?? Number.POSITIVE_INFINITY);
          }
        }
        expect(grid.length).toBeLessThanOrEqual(80);
      }),
      { numRuns: 60 },
    );
  });

  it('asks no model that does not pay for itself', () => {
    const dear = certifyTiers(
      ladderRows(2000, 8, (tier) => ({ cost: nanoUsd([0.0015, 0.0005, 0.002][tier]!) })),
      three,
    );
    expect(dear).toMatchObject({ verdict: 'cascade', thresholds: { small: null }, askedBy: { small: 0, mid: 1 } });
    expect(dear.notes).toEqual(['small costs more on average than mid, which comes after it in the ladder.']);
    const free = certifyTiers(
      ladderRows(2000, 8, (tier) => ({ cost: nanoUsd([0, 0.0005, 0.002][tier]!) })),
      three,
    );
    expect(free.askedBy.small).toBe(1);
  });

  it('takes its path from confidences and costs, not from qualities', () => {
    fc.assert(
      fc.property(rowsOf(3, marks), (rows) => {
        const turned = rows.map((row) => ({ ...row, answers: row.answers.map((a) => ({ ...a, quality: 1 - a.quality })) }));
        const path = (of: LadderRow[]) => certifyTiers(of, three).grid.map((point) => point.thresholds);
        expect(path(turned)).toEqual(path(rows));
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on the order of the rows', () => {
    const graded = rowsOf(3, marks).map((rows) =>
      rows.map((row, i) => ({
        ...row,
        answers: row.answers.map((a, t) => ({ ...a, quality: a.quality * (1 - ((i * 7 + t) % 10) / 100) })),
      })),
    );
    fc.assert(
      fc.property(fc.oneof(rowsOf(3, marks), graded), fc.integer(), (rows, seed) => {
        expect(certifyTiers(seededRandom(seed).shuffle(rows), three)).toEqual(certifyTiers(rows, three));
      }),
      { numRuns: 60 },
    );
  });

  it('never saves less for a lower floor, and never accepts more at a higher level', () => {
    const rows = ladderRows(1500, 3);
    const saved = [0.99, 0.98, 0.95, 0.9, 0.8].map((floor) => certifyTiers(rows, { ...three, floor }).savings!);
    expect(saved).toEqual([...saved].sort((a, b) => a - b));
    const accepted = [0.8, 0.9, 0.95, 0.99].map((level) => certifyTiers(rows, { ...three, level }).accepted);
    expect(accepted).toEqual([...accepted].sort((a, b) => b - a));
  });

  it('ends in a swap by the cheapest when everyone is always right', () => {
    const rows = ladderRows(400).map((row) => ({ ...row, answers: row.answers.map((a) => ({ ...a, quality: 1 })) }));
    const result = certifyTiers(rows, three);
    expect(result).toMatchObject({
      verdict: 'swap',
      thresholds: { small: null, mid: null, big: null },
      acceptedBy: { small: 1, mid: 0, big: 0 },
      askedBy: { small: 1, mid: 0, big: 0 },
      savings: 0.95,
      wasted: 0,
    });
  });

  it('without any confidence swaps to the cheapest model that keeps the floor', () => {
    const plain = ladderRows(3000, 2).map((row) => ({
      ...row,
      answers: row.answers.map(({ quality, cost }) => ({ quality, cost: cost! })),
    }));
    const easy = plain.map((row) => ({
      ...row,
      answers: row.answers.map((a, tier) => (tier === 1 ? { ...a, quality: row.answers[2]!.quality } : a)),
    }));
    expect(certifyTiers(plain, three)).toMatchObject({ verdict: 'frontier', reason: 'floor-missed' });
    expect(certifyTiers(easy, three)).toMatchObject({
      verdict: 'swap',
      acceptedBy: { small: 0, mid: 1, big: 0 },
      askedBy: { small: 0, mid: 1, big: 0 },
    });
  });

  it('does not ask a model that has no confidence among others that have one', () => {
    const rows = ladderRows(2000).map((row) => ({
      ...row,
      answers: row.answers.map((a, tier) => (tier === 1 ? { quality: a.quality, cost: a.cost! } : a)),
    }));
    const result = certifyTiers(rows, three);
    expect(result).toMatchObject({ verdict: 'cascade', askedBy: { small: 1, mid: 0 }, thresholds: { mid: null } });
    expect(result.notes).toEqual(['mid has no confidence on any row: it is never asked.']);
  });
});

describe('what a ladder costs', () => {
  const cheapFirst = (tier: number) => ({ cost: nanoUsd([0.0002, 0.001, 0.002][tier]!) });

  it('counts every call, so that a ladder of dear models is not worth it', () => {
    const rows = ladderRows(1000, 4, (tier) => ({ cost: nanoUsd([0.0019, 0.0019, 0.002][tier]!) }));
    const result = certifyTiers(rows, three);
    expect(result).toMatchObject({ verdict: 'frontier', reason: 'not-worth-it', savings: 0, acceptedBy: { small: 0, mid: 0, big: 1 } });
    expect(result.notes.at(-1)).toMatch(/^The best policy that keeps the floor would cost \d+\.\d % more than the ceiling alone\.$/);
  });

  it('charges a lost prompt cache wherever a model is not the first to be asked', () => {
    const warm = ladderRows(3000, 5, cheapFirst);
    const cold = ladderRows(3000, 5, (tier) => ({ ...cheapFirst(tier), uncachedCost: nanoUsd([0.9, 0.0015, 0.003][tier]!) }));
    const [a, b] = [certifyTiers(warm, { ...three, floor: 0.9 }), certifyTiers(cold, { ...three, floor: 0.9 })];
    const spent = (r: typeof a, mid: number, big: number) => 0.0002 + r.askedBy.mid! * mid + r.askedBy.big! * big;
    expect(a.savings).toBeCloseTo(1 - spent(a, 0.001, 0.002) / 0.002, 9);
    expect(b.savings).toBeCloseTo(1 - spent(b, 0.0015, 0.003) / 0.002, 9);
  });

  it('is unknown when a cost is missing, and the boldest policy is then taken', () => {
    const rows = ladderRows(2000, 6, (tier) => (tier === 1 ? {} : costs(tier)));
    const result = certifyTiers(rows, three);
    const last = result.grid.findIndex((point) => point.p > result.delta) - 1;
    expect(result).toMatchObject({ verdict: 'cascade', savings: null, wasted: null });
    expect(result.thresholds).toEqual(result.grid[last]!.thresholds);
  });
});

describe('a limit of latency', () => {
  const timed = ladderRows(3000, 7, (tier) => ({ ...costs(tier), latencyMs: [200, 500, 1000][tier]! }));

  it('adds up what is tried one after another', () => {
    expect(certifyTiers(timed, three).p95LatencyRatio).toBeCloseTo(1.7, 9);
  });

  it('keeps to the policies that are fast enough, or says that there is none', () => {
    const bold = { ...three, floor: 0.9 };
    const free = certifyTiers(timed, bold);
    const held = certifyTiers(timed, { ...bold, maxP95LatencyRatio: free.p95LatencyRatio! });
    expect(held).toEqual(free);
    expect(certifyTiers(timed, { ...three, maxP95LatencyRatio: 1.05 })).toMatchObject({
      verdict: 'frontier',
      reason: 'too-slow',
      accepted: 0,
      p95LatencyRatio: 1,
    });
  });

  it('needs every latency', () => {
    expect(() => certifyTiers(ladderRows(10), { ...three, maxP95LatencyRatio: 1.2 })).toThrow('latencyMs of small in row "r0" is missing');
  });
});

describe('what a ladder refuses', () => {
  const [row] = ladderRows(1);
  it.each([
    ['one model', [row!], { ...three, models: ['big'] }, 'at least two models'],
    ['a model twice', [row!], { ...three, models: ['a', 'b', 'a'] }, 'occurs twice in the ladder'],
    ['answers that do not fit', [row!], { ...three, models: ['a', 'b'] }, 'row "r0" has 3 answers and the ladder 2 models'],
    ['an id twice', [row!, row!], three, 'id "r0" occurs twice'],
    ['no rows', [], three, 'there are no rows to certify'],
    ['a floor out of range', [row!], { ...three, floor: 1.1 }, 'floor must be above 0'],
    ['no ratio', [row!], { ...three, maxP95LatencyRatio: 0 }, 'ratio of latencies must be above 0'],
    [
      'a quality out of range',
      [{ ...row!, answers: row!.answers.map((a) => ({ ...a, quality: 2 })) }],
      three,
      'quality of small in row "r0" must lie in 0…1',
    ],
  ])('%s', (_, rows, options, message) => {
    expect(() => certifyTiers(rows, options)).toThrow(message);
  });
});
