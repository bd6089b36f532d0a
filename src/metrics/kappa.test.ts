import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { cohenKappa, judgeAgreement, predictionPowered } from './index.ts';

const SPAM = resolve(import.meta.dirname, '../../../shared/data/text/sms_spam_gpt4/test.jsonl');

/** Agresti (1990), answers of 91 married couples: the example that R's vcd prints. */
const COUPLES = [
  [7, 7, 2, 3],
  [2, 8, 3, 7],
  [1, 5, 4, 9],
  [2, 8, 9, 14],
];

describe("Cohen's κ", () => {
  it('is what R gives for a published table, weighted or not, with its standard error', () => {
    expect(cohenKappa(COUPLES)).toMatchObject({ n: 91, kappa: expect.closeTo(0.1293, 4), standardError: expect.closeTo(0.0686, 4) });
    expect(cohenKappa(COUPLES, 'linear')).toMatchObject({ kappa: expect.closeTo(0.2374, 4), standardError: expect.closeTo(0.0783, 4) });
  });

  it('is the textbook value for a table of two', () => {
    const table = [
      [20, 5],
      [10, 15],
    ];
    expect(cohenKappa(table)).toMatchObject({ observed: 0.7, expected: 0.5, kappa: expect.closeTo(0.4, 12) });
    expect(cohenKappa(table, 'quadratic').kappa).toBeCloseTo(0.4, 12);
  });

  it('has no value where both always say the same, and refuses what is no table', () => {
    expect(
      cohenKappa([
        [9, 0],
        [0, 0],
      ]),
    ).toMatchObject({ observed: 1, kappa: null, standardError: null });
    expect(() => cohenKappa([[1, 2]])).toThrow('square table');
    expect(() =>
      cohenKappa([
        [0, 0],
        [0, 0],
      ]),
    ).toThrow('at least one row');
  });

  it('states a standard error that repeated samples show', () => {
    const random = seededRandom(5);
    const kappas: number[] = [];
    const errors: number[] = [];
    for (let sample = 0; sample < 400; sample += 1) {
      const table = [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ];
      for (let row = 0; row < 200; row += 1) {
        const truth = random.int(3);
        const said = random.next() < 0.7 ? truth : random.int(3);
        table[truth]![said]! += 1;
      }
      const { kappa, standardError } = cohenKappa(table, 'quadratic');
      kappas.push(kappa!);
      errors.push(standardError!);
    }
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = Math.sqrt(mean(kappas.map((kappa) => (kappa - mean(kappas)) ** 2)));
    expect(mean(errors) / spread).toBeGreaterThan(0.9);
    expect(mean(errors) / spread).toBeLessThan(1.1);
  });
});

describe('judge–human agreement', () => {
  it('on a scale is the weighted κ of the same scores as categories', () => {
    const score = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 60 }), (rows) => {
        const table = Array.from({ length: 5 }, () => [0, 0, 0, 0, 0]);
        for (const [human, judge] of rows) table[human]![judge]! += 1;
        const { kappa } = cohenKappa(table, 'quadratic');
        const { graded } = judgeAgreement(rows.map(([human, judge]) => ({ human: human / 4, judge: judge / 4 })));
        if (kappa === null) expect(graded.kappa).toBe(null);
        else expect(graded.kappa).toBeCloseTo(kappa, 9);
      }),
    );
  });

  it('counts answers of one request as one unit, passes at the cut, and says which way the judge leans', () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ human: i % 2, judge: i % 8 === 1 ? 0.4 : i % 2, cluster: `r${i >> 1}` }));
    const agreement = judgeAgreement(rows);
    expect(agreement).toMatchObject({
      answers: 40,
      n: 20,
      cut: 0.5,
      counts: { bothPass: 15, onlyHuman: 5, onlyJudge: 0, bothFail: 20 },
      kappa: expect.closeTo(0.75, 12),
      bias: expect.closeTo(-0.075, 12),
    });
    expect(agreement.interval!.low).toBeLessThan(0.75);
    expect(agreement.interval!.high).toBeGreaterThan(0.75);
    expect(judgeAgreement(rows, { cut: 0.3 }).counts.onlyHuman).toBe(0);
    expect(judgeAgreement(rows)).toEqual(agreement);
  });

  it('is not certain of a judge that never erred on the few labels there are', () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ human: i % 2, judge: i % 2 }));
    const { kappa, interval } = judgeAgreement(rows);
    expect(kappa).toBe(1);
    expect(interval!.low).toBeLessThan(0.8);
    expect(judgeAgreement(rows.slice(0, 19)).interval).toBe(null);
    expect(() => judgeAgreement([])).toThrow('no answers');
    expect(() => judgeAgreement([{ human: 2, judge: 0 }])).toThrow('0…1');
  });

  it.skipIf(!existsSync(SPAM))("gives GPT-4's κ with people on 1,114 real messages", () => {
    const rows = readFileSync(SPAM, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { label: string; model_pred: Record<string, string> });
    const rated = (model: string) =>
      rows.map(({ label, model_pred }) => ({ human: label === 'spam' ? 1 : 0, judge: model_pred[model] === 'spam' ? 1 : 0 }));
    const zeroShot = judgeAgreement(rated('gpt-4-0125-preview:zero-shot'));
    const tuned = judgeAgreement(rated('gpt-4:fine-tuned'));
    const { bothPass, bothFail } = zeroShot.counts;
    // The accuracy that its authors published for the same rows.
    expect((bothPass + bothFail) / 1114).toBeCloseTo(0.9381, 4);
    // By the two-by-two formula, worked out apart.
    expect(zeroShot).toMatchObject({ n: 1114, kappa: expect.closeTo(0.76992, 5) });
    expect(zeroShot.interval!.high).toBeLessThan(tuned.interval!.low);
  });
});

describe('the prediction-powered estimate', () => {
  it('is the formula', () => {
    const labelled = [
      { human: 1, judge: 0.8 },
      { human: 0, judge: 0.4 },
    ];
    const { estimate, standardError, correction } = predictionPowered([0.5, 0.7, 0.9], labelled);
    expect(estimate).toBeCloseTo(0.7 - 0.1, 12);
    expect(correction).toBeCloseTo(-0.1, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(0.04 / 3 + 0.18 / 2), 12);
    expect(() => predictionPowered([1], labelled)).toThrow('two rows');
  });

  it('holds the truth as often as it says, with a judge that is too kind, and is narrower than the labels alone', () => {
    const random = seededRandom(11);
    let held = 0;
    let narrower = 0;
    const RUNS = 600;
    for (let run = 0; run < RUNS; run += 1) {
      const row = () => {
        const human = random.next() < 0.8 ? 1 : 0;
        return { human, judge: human === 1 ? 0.9 + 0.1 * random.next() : 0.5 * random.next() };
      };
      const labelled = Array.from({ length: 60 }, row);
      const { interval, standardError } = predictionPowered(
        Array.from({ length: 1000 }, () => row().judge),
        labelled,
      );
      if (interval.low <= 0.8 && interval.high >= 0.8) held += 1;
      if (standardError < Math.sqrt((0.8 * 0.2) / 60)) narrower += 1;
    }
    expect(held / RUNS).toBeGreaterThan(0.92);
    expect(held / RUNS).toBeLessThan(0.98);
    expect(narrower / RUNS).toBeGreaterThan(0.95);
  });
});
