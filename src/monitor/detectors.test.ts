import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { auditWeight, Canary, HarmProcess, retentionScore, WeightedECusum } from './index.ts';

const FLOOR = 0.98;
const LOST = -0.98;
const KEPT = 1 - 0.98;
const STAKES = [0.02, 0.05, 0.1, 0.2, 0.4];

describe('the score of a row', () => {
  it('is (1 − ρ)·big where the request was escalated, whatever the small model said', () => {
    expect(retentionScore({ accepted: false, small: 0, big: 1 }, FLOOR)).toBeCloseTo(KEPT, 15);
    expect(retentionScore({ accepted: true, small: 0, big: 1 }, FLOOR)).toBe(LOST);
    expect(retentionScore({ accepted: true, small: 1, big: 0 }, FLOOR)).toBe(1);
    expect(retentionScore({ accepted: true, small: 0.5, big: 0.8 }, FLOOR)).toBeCloseTo(0.5 - 0.784, 15);
  });

  it('weighs at most 1, and less where the request was likelier to be drawn', () => {
    expect([0.02, 0.04, 1, 0.01].map((inclusion) => auditWeight(inclusion, 0.02))).toEqual([1, 0.5, 0.02, 1]);
  });
});

describe('the e-CUSUM', () => {
  it('is the mean over the stakes of max(1, E)·(1 − ν·w·Z)', () => {
    const detector = new WeightedECusum();
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(detector.add(LOST, 1)).toBeCloseTo(mean(STAKES.map((nu) => 1 + nu * 0.98)), 12);
    expect(detector.add(KEPT, 0.5)).toBeCloseTo(mean(STAKES.map((nu) => (1 + nu * 0.98) * (1 - nu * 0.5 * KEPT))), 12);
  });

  it('forgets good times at once, and everything when it is restarted', () => {
    const detector = new WeightedECusum();
    for (let i = 0; i < 500; i += 1) detector.add(1, 1);
    const fresh = new WeightedECusum();
    expect(detector.add(LOST, 1)).toBeCloseTo(fresh.add(LOST, 1), 12);
    detector.restart();
    expect([detector.value, detector.rows, detector.peak]).toEqual([1, 0, 1]);
  });

  it('goes on after its alarm without overflow', () => {
    const detector = new WeightedECusum();
    for (let i = 0; i < 100_000; i += 1) detector.add(-1, 1);
    expect(Number.isFinite(detector.value)).toBe(true);
  });

  it('refuses scores and weights on which its guarantee would not hold', () => {
    for (const [score, weight] of [
      [Number.NaN, 1],
      [1.1, 1],
      [-1.01, 1],
      [0, 0],
      [0, 1.01],
    ] as const) {
      expect(() => new WeightedECusum().add(score, weight)).toThrow(RangeError);
    }
  });

  it('takes at least 200 rows to a false alarm on average, at the floor itself, weighted or not', () => {
    // Losses come in the stratum that is drawn three times as often: without weights this would be a stream of harm.
    const random = seededRandom(5);
    const lengths = Array.from({ length: 200 }, () => {
      const detector = new WeightedECusum();
      let rows = 0;
      while (rows < 2_000 && detector.add(...boundaryRow(random.next(), random.next())) < 200) rows += 1;
      return rows;
    });
    expect(lengths.reduce((sum, rows) => sum + rows, 0) / lengths.length).toBeGreaterThan(200);
  });

  it('finds a drop behind escalated rows and strata, because rows are weighted', () => {
    const random = seededRandom(6);
    const detector = new WeightedECusum();
    let rows = 0;
    // 30 % escalated (π = 1, weight π_min), accepted ones drawn with .02: of the rows that come, 96 % are escalated.
    while (detector.value < 200 && rows < 100_000) {
      rows += 1;
      if (random.next() < 0.3 / (0.3 + 0.7 * 0.02)) detector.add(KEPT, 0.02);
      else detector.add(random.next() < 0.1 / 0.7 ? LOST : KEPT, 1);
    }
    expect(rows).toBeLessThan(20_000);
    const unweighted = new WeightedECusum();
    for (let i = 0; i < rows; i += 1) {
      if (random.next() < 0.3 / (0.3 + 0.7 * 0.02)) unweighted.add(KEPT, 1);
      else unweighted.add(random.next() < 0.1 / 0.7 ? LOST : KEPT, 1);
    }
    expect(unweighted.value).toBeLessThan(10);
  });
});

/** A row of a stream that retains exactly the floor: a tenth of the traffic is drawn with .06 and loses a fifth, the rest with .02 loses nothing. */
function boundaryRow(which: number, outcome: number): [score: number, weight: number] {
  const risky = which < (0.1 * 0.06) / (0.1 * 0.06 + 0.9 * 0.02);
  return risky ? [outcome < 0.2 ? LOST : KEPT, 1 / 3] : [KEPT, 1];
}

describe('the harm process', () => {
  it('is the mean over the stakes of the product, in any order of rows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -0.98, max: 1, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true })), {
          maxLength: 40,
        }),
        (rows) => {
          const forward = new HarmProcess();
          const backward = new HarmProcess();
          for (const [score, weight] of rows) forward.add(score, weight);
          for (const [score, weight] of rows.toReversed()) backward.add(score, weight);
          const direct = STAKES.map((nu) => rows.reduce((product, [score, weight]) => product * (1 - nu * weight * score), 1));
          expect(forward.value / (direct.reduce((sum, value) => sum + value, 0) / STAKES.length)).toBeCloseTo(1, 9);
          expect(forward.value / backward.value).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it('reaches 1/α at the floor itself in at most α of the runs, however long one looks, weighted or not', () => {
    const random = seededRandom(7);
    const reached = (row: () => [number, number]) => {
      let count = 0;
      for (let run = 0; run < 1_000; run += 1) {
        const process = new HarmProcess();
        let peak = 0;
        for (let i = 0; i < 1_000; i += 1) peak = Math.max(peak, process.add(...row()));
        if (peak >= 20) count += 1;
      }
      return count;
    };
    // Three standard errors over 50 of 1,000.
    expect(reached(() => [random.next() < 0.02 ? LOST : KEPT, 1])).toBeLessThanOrEqual(70);
    expect(reached(() => boundaryRow(random.next(), random.next()))).toBeLessThanOrEqual(70);
  });
});

describe('a canary', () => {
  const plan = { stages: [0.05, 0.25, 1], auditsPerStage: 200, error: 0.05 };

  it('lets a good certificate through its stages, each after 200 weighted audits of accepted answers', () => {
    const canary = new Canary(plan);
    const steps: string[] = [];
    for (let audit = 1; canary.state === 'running'; audit += 1) {
      canary.add(KEPT, 1, false);
      const step = canary.add(KEPT, 0.5, true);
      if (step !== 'stays') steps.push(`${audit}: ${step} at ${canary.exposure}`);
    }
    expect(steps).toEqual(['400: advances at 0.25', '800: advances at 1', '1200: completes at 1']);
    expect(canary.add(LOST, 1, true)).toBe('stays');
  });

  it('rolls a bad one back for good, and its evidence goes over stages', () => {
    const canary = new Canary({ ...plan, auditsPerStage: 6 });
    const fold = (score: number) => Array.from({ length: 6 }, () => canary.add(score, 1, true)).at(-1);
    expect([fold(KEPT), fold(LOST)]).toEqual(['advances', 'stays']);
    while (canary.state === 'running') canary.add(LOST, 1, true);
    expect([canary.state, canary.stage, canary.exposure]).toEqual(['rolled-back', 1, 0]);
    expect(canary.harm).toBeGreaterThanOrEqual(20);
    canary.enter(2);
    canary.follow(plan);
    canary.complete();
    expect(canary.exposure).toBe(0);
  });

  it('stays at a stage while its evidence is not below 2', () => {
    const canary = new Canary({ ...plan, auditsPerStage: 10 });
    for (let i = 0; i < 10; i += 1) canary.add(LOST, 1, true);
    expect([canary.stage, canary.harm > 2 && canary.harm < 20]).toEqual([0, true]);
    while (canary.stage === 0) canary.add(KEPT, 1, true);
    expect(canary.harm).toBeLessThan(2);
  });

  it('follows another plan at the boldest stage that exposes no more than now', () => {
    const canary = new Canary(plan);
    canary.enter(1);
    canary.follow({ ...plan, stages: [0.1, 0.2, 0.5, 1] });
    expect(canary.exposure).toBe(0.2);
    canary.follow({ ...plan, stages: [0.5, 1] });
    expect(canary.exposure).toBe(0.5);
    canary.follow({ ...plan, stages: [] });
    expect([canary.state, canary.exposure]).toEqual(['complete', 1]);
  });

  it('refuses stages that do not rise to 1', () => {
    for (const stages of [[0.5], [0.5, 0.25, 1], [0, 1], [0.5, 1.5]]) expect(() => new Canary({ ...plan, stages })).toThrow(RangeError);
  });
});
