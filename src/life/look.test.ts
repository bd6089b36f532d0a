import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storedPair } from '../../test/support/life-pairs.ts';
import type { CertifyMethod } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import type { Look, StoredPair } from '../store/index.ts';
import { type LookQuestion, nextLook, planLook } from './look.ts';
import { nextNumber, nextSize } from './look-schedule.ts';

/** Traffic that the small model mostly gets right, and knows when it does not: `right` of the unsure ones are right. */
function traffic(
  n: number,
  options: { readonly sure: number; readonly right: number; readonly from?: number; readonly small?: string },
): StoredPair[] {
  const { sure, right, from = 0, small = 'small' } = options;
  const random = seededRandom(7 + from);
  return Array.from({ length: n }, (_, i) => {
    const isSure = random.next() < sure;
    const quality = isSure || random.next() < right ? 1 : 0;
    const token = isSure ? 0.9 + 0.1 * random.next() : 0.3 + 0.4 * random.next();
    return storedPair({
      id: `${small}-${from + i}`,
      requestId: `request-${from + i}`,
      at: from + i,
      small,
      smallQuality: quality,
      signals: { token, valid: 1 },
      servedSmall: 'small-2026',
    });
  });
}

function question(changes: Partial<LookQuestion> = {}): LookQuestion {
  let ids = 0;
  return {
    task: {
      name: 'classify',
      output: { kind: 'label', labels: ['yes', 'no'] },
      floor: { retain: 0.98, level: 0.95 },
      signal: null,
      metricSpec: null,
    },
    small: 'small',
    big: 'frontier',
    pairs: [],
    feedback: [],
    looks: [],
    pins: { small: 'vendor/small', big: 'vendor/big' },
    trainedUntil: null,
    since: null,
    method: 'score',
    by: 'schedule',
    now: 1_000_000,
    newId: () => {
      ids += 1;
      return `id-${ids}`;
    },
    ...changes,
  };
}

function lookAt(changes: Partial<Look>): Look {
  return {
    id: 'l',
    task: 'classify',
    small: 'small',
    big: 'frontier',
    series: 's',
    k: 1,
    n: 500,
    delta: 0.02,
    at: 5_000,
    by: 'schedule',
    method: 'score',
    verdict: 'not-enough',
    retained: null,
    lowerBound: null,
    certificate: null,
    ...changes,
  };
}

describe('the schedule', () => {
  it('looks at 500 and at each doubling, whatever was looked at in between', () => {
    const sizes = [0, 1, 499, 500, 501, 700, 999, 1_000, 7_999, 8_000].map((n) => nextSize(n === 0 ? [] : [lookAt({ n })], 'score'));
    expect(sizes).toEqual([500, 500, 500, 1_000, 1_000, 1_000, 1_000, 2_000, 8_000, 16_000]);
  });

  it('never spends more than δ over any sequence of looks at the same pairs', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('small', 'mid'), { minLength: 1, maxLength: 14 }), (candidates) => {
        const pairs = traffic(300, { sure: 1, right: 1 });
        let spent = 0;
        const looks: Look[] = [];
        for (const [i, small] of candidates.entries()) {
          const plan = planLook(question({ small, pairs: pairs.map((pair) => ({ ...pair, small })), looks, by: 'person' }));
          spent += 0.05 * 2 ** -plan.k;
          looks.push(lookAt({ small, series: plan.series, k: plan.k, at: 10_000 + i }));
        }
        expect(nextNumber(looks)).toBe(candidates.length + 1);
        expect(spent).toBeLessThan(0.05);
      }),
      { numRuns: 20 },
    );
  });

  it('waits for its pairs; a person and a review do not', () => {
    const pairs = traffic(600, { sure: 1, right: 1 });
    expect(nextLook(question({ pairs }))).toBeNull();
    const byPerson = nextLook(question({ pairs, by: 'person' }));
    expect(byPerson?.look).toMatchObject({ k: 1, by: 'person', delta: 0.02, verdict: 'swap' });
    expect(nextLook(question({ pairs: [], by: 'person' }))).toBeNull();
  });

  it('starts again at 1 with wholly new pairs after a change, and goes on counting where a look saw some of them', () => {
    const old = traffic(1_000, { sure: 0.9, right: 0.5 });
    const looks = [lookAt({ at: 999 }), lookAt({ k: 2, at: 1_000, small: 'mid' })];
    const retrained = traffic(1_000, { sure: 0.9, right: 0.5, from: 2_000 });
    expect(planLook(question({ pairs: retrained, looks })).k).toBe(1);
    expect(planLook(question({ pairs: [...old, ...retrained], looks })).k).toBe(3);
    expect(planLook(question({ pairs: [...old, ...retrained], looks, trainedUntil: 1_500 })).k).toBe(1);
    expect(planLook(question({ pairs: [...old, ...retrained], looks, since: 1_500 })).k).toBe(1);
    // The student was retrained, but answers the very requests that were looked at.
    expect(planLook(question({ pairs: old, looks, pins: { small: 'vendor/other' }, by: 'retrained' })).k).toBe(3);
  });

  it('lets the e-value look for free on a choice that is frozen at its first look, and on no pair that another method saw', () => {
    const pairs = traffic(1_000, { sure: 0.9, right: 0.5 });
    const method: CertifyMethod = 'evalue';
    const first = nextLook(question({ pairs: pairs.slice(0, 400), method, now: 399 }))!;
    const second = nextLook(question({ pairs, method, now: 999, looks: [first.look] }))!;
    expect([first.look.delta, second.look.delta]).toEqual([0.05, 0.05]);
    expect(second.confidence).toEqual(first.confidence);
    expect(second.plan.n).toBeGreaterThan(first.plan.n);
    const after = planLook(question({ pairs, method: 'score', looks: [lookAt({ ...first.look, at: 399 })] }));
    expect(after.evidence.certify.every(({ at }) => at > 399)).toBe(true);
    expect(after.evidence.leftOut['seen-by-another-method']).toBeGreaterThan(0);
    const two = nextLook(question({ pairs, method, candidates: 2, now: 999 }))!;
    expect(two.look.delta).toBe(0.025);
  });

  it('ends with a swap: nothing bolder could be won', () => {
    const pairs = traffic(4_000, { sure: 1, right: 1 });
    const first = nextLook(question({ pairs: pairs.slice(0, 1_000) }))!;
    expect(first.look.verdict).toBe('swap');
    expect(nextLook(question({ pairs, looks: [{ ...first.look, at: 999 }] }))).toBeNull();
    expect(nextLook(question({ pairs, looks: [{ ...first.look, at: 999 }], by: 'person' }))?.look.k).toBe(2);
  });
});

describe('a look', () => {
  it('certifies a cascade on pairs that nothing was fitted on, with everything that a lock entry needs', () => {
    const pairs = traffic(2_000, { sure: 0.8, right: 0.5 });
    const { look, certificate, confidence, result, plan, needed } = nextLook(question({ pairs }))!;
    expect(look).toMatchObject({ verdict: 'cascade', n: plan.n, k: 1, method: 'score', certificate: certificate?.id });
    expect(confidence).toMatchObject({ signal: 'token', gate: null, calibrator: { kind: 'isotonic' } });
    expect(certificate).toMatchObject({
      task: 'classify',
      verdict: 'cascade',
      signal: 'token',
      calibrator: confidence.calibrator,
      look: 1,
      pins: { small: 'vendor/small', big: 'vendor/big', template: 'prompt-1', 'small.served': 'small-2026' },
      expiresAt: 1_000_000 + 30 * 86_400_000,
    });
    expect(certificate!.threshold).toBe(result.threshold);
    expect(confidence.grid).toContain(result.threshold);
    expect(certificate!.accepted).toBeGreaterThan(0.7);
    expect(certificate!.retainedLowerBound).toBeGreaterThanOrEqual(0.98);
    expect(needed).toBeNull();
    const fitted = new Set(plan.evidence.fit.map(({ id }) => id));
    expect(plan.evidence.certify.some(({ id }) => fitted.has(id))).toBe(false);
  });

  it('tests only the swap where no signal is of use, and says how many more pairs a pass would take', () => {
    const pairs = traffic(900, { sure: 1, right: 1 }).map((pair, i) => ({ ...pair, signals: {}, smallQuality: i % 77 === 0 ? 0 : 1 }));
    const { look, confidence, result, needed, notes } = nextLook(question({ pairs }))!;
    expect(confidence).toMatchObject({ signal: null, gate: null, grid: null });
    expect(result.grid).toHaveLength(1);
    expect(look).toMatchObject({ verdict: 'not-enough', certificate: null });
    expect(needed).toBeGreaterThan(100);
    expect(notes.join(' ')).toContain('only a swap');
  });

  it('keeps the frontier where the floor is missed', () => {
    const { look, certificate } = nextLook(
      question({ pairs: traffic(2_000, { sure: 0, right: 0.6 }).map((pair) => ({ ...pair, signals: {} })) }),
    )!;
    expect([look.verdict, certificate]).toEqual(['frontier', null]);
  });
});

describe('a look that may use a gate classifier', () => {
  it('puts one that was proven better into the certificate, in place of the signal', () => {
    const random = seededRandom(11);
    const pairs = Array.from({ length: 2_000 }, (_, i) => {
      const isHard = random.next() < 0.25;
      const token = random.next();
      const smallQuality = random.next() < (isHard ? 0.5 : 0.99 + token / 100) ? 1 : 0;
      return storedPair({
        id: `p${i}`,
        at: i,
        input: `about ${isHard ? 'a contract' : 'a parcel'} ${i}`,
        smallQuality,
        signals: { token },
      });
    });
    const { certificate, confidence } = nextLook(question({ pairs, gate: true }))!;
    expect(confidence.gateTrial).toMatchObject({ used: true });
    expect(certificate).toMatchObject({ verdict: 'cascade', signal: null, classifier: { kind: 'gate', readsText: true } });
    expect(certificate!.accepted).toBeGreaterThan(0.6);
    expect(nextLook(question({ pairs }))?.certificate).not.toHaveProperty('classifier');
  });
});
