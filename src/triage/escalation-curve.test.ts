import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { EscalationCurve } from './escalation-curve.ts';

const quality = fc.constantFrom(0, 0.25, 0.5, 1);
const row = fc.record({ score: fc.integer({ min: -3, max: 3 }), small: quality, big: quality });
const rows = fc.array(row, { minLength: 1, maxLength: 40 }).filter((all) => Math.abs(gapOf(all)) > 1e-9);

type Row = { readonly score: number; readonly small: number; readonly big: number };

function gapOf(all: readonly Row[]): number {
  return all.reduce((sum, { small, big }) => sum + big - small, 0);
}

function curveOf(all: readonly Row[]): EscalationCurve {
  return new EscalationCurve(
    all.map(({ score }) => score),
    { small: all.map(({ small }) => small), big: all.map(({ big }) => big) },
  );
}

describe('EscalationCurve', () => {
  it('gives the figures that a curve drawn by hand gives', () => {
    // Escalated in this order the summed gain goes 1, 1, 0, 1; the whole gap is 1.
    const curve = new EscalationCurve([4, 3, 2, 1], { small: [0, 1, 1, 0], big: [1, 1, 0, 1] });
    expect(curve.figures()).toEqual({
      small: 0.5,
      big: 0.75,
      apgr: (0.5 + 1 + 0.5 + 0.5) / 4,
      cpt50: 0.125,
      cpt80: 0.2,
      esc95: (0.95 * 3 - 2) / 4,
      esc98: (0.98 * 3 - 2) / 4,
    });
  });

  it('goes straight across equal scores, so a constant router has an APGR of .5', () => {
    fc.assert(
      fc.property(rows, (all) => {
        expect(curveOf(all.map((each) => ({ ...each, score: 7 }))).apgr()).toBeCloseTo(0.5, 9);
      }),
    );
  });

  it('is turned over by a router that says the opposite', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const opposite = curveOf(all.map((each) => ({ ...each, score: -each.score })));
        expect(opposite.apgr() + curveOf(all).apgr()).toBeCloseTo(1, 6);
      }),
    );
  });

  it('does not depend on the order of the rows', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (all, seed) => {
        expect(curveOf(seededRandom(seed).shuffle(all)).apgr()).toBeCloseTo(curveOf(all).apgr(), 9);
      }),
    );
  });

  it('is highest for the oracle, whatever a router says', () => {
    fc.assert(
      fc.property(
        rows.filter((all) => gapOf(all) > 0),
        (all) => {
          const oracle = curveOf(all.map((each) => ({ ...each, score: each.big - each.small })));
          expect(oracle.apgr()).toBeGreaterThanOrEqual(curveOf(all).apgr() - 1e-9);
        },
      ),
    );
  });

  it('counts a weighted row as often as a repeated one', () => {
    fc.assert(
      fc.property(rows, fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 40, maxLength: 40 }), (all, weights) => {
        const repeated = all.flatMap((each, index) => Array.from({ length: weights[index]! }, () => each));
        fc.pre(Math.abs(gapOf(repeated)) > 1e-9);
        expect(curveOf(all).apgr(weights)).toBeCloseTo(curveOf(repeated).apgr(), 9);
      }),
    );
  });

  it('is near .5 for a random router', () => {
    const random = seededRandom(5);
    const n = 20_000;
    const outcomes = { small: new Float64Array(n), big: new Float64Array(n) };
    for (let i = 0; i < n; i += 1) {
      outcomes.small[i] = random.next() < 0.6 ? 1 : 0;
      outcomes.big[i] = random.next() < 0.8 ? 1 : 0;
    }
    const curve = new EscalationCurve(
      Float64Array.from({ length: n }, () => random.next()),
      outcomes,
    );
    expect(curve.apgr()).toBeGreaterThan(0.48);
    expect(curve.apgr()).toBeLessThan(0.52);
  });

  it('finds no share where none keeps the quality, and none is needed where small does', () => {
    expect(curveOf([{ score: 1, small: 1, big: 0 }]).figures()).toMatchObject({ cpt50: null, cpt80: null, esc95: 0, esc98: 0 });
    expect(curveOf([{ score: 1, small: 0.5, big: 0.5 }]).apgr()).toBeNaN();
  });

  it('finds the first share at which the gap is recovered', () => {
    fc.assert(
      fc.property(
        rows.filter((all) => gapOf(all) > 0),
        (all) => {
          const share = curveOf(all).figures().cpt80!;
          const needed = 0.8 * gapOf(all);
          expect(gainAt(all, share)).toBeCloseTo(needed, 6);
          // The curve is straight between these, so nowhere else could it have been reached before.
          for (const { score } of all) {
            const corner = all.filter((each) => each.score >= score).length / all.length;
            if (corner < share - 1e-9) expect(gainAt(all, corner)).toBeLessThan(needed);
          }
        },
      ),
    );
  });
});

/** The expected summed gain when this share is escalated, requests with equal scores in random order. */
function gainAt(all: readonly Row[], share: number): number {
  let left = share * all.length;
  let gain = 0;
  for (const score of [...new Set(all.map((each) => each.score))].sort((a, b) => b - a)) {
    const group = all.filter((each) => each.score === score);
    gain += gapOf(group) * Math.min(1, left / group.length);
    left = Math.max(0, left - group.length);
  }
  return gain;
}
