import { describe, expect, it } from 'vitest';
import { outlookOf } from './outlook.ts';
import { agreementWith, frontierQuality, qualityOf, readAnswer } from './quality.ts';
import { isRight, type Scale, scorePredictions } from './scores.ts';
import { fieldScores, labelSetScores } from './set-scores.ts';
import type { StudentKind, StudentPrediction } from './types.ts';

const scale = (kind: StudentKind, labels: readonly string[] = [], tolerance = 0): Scale => ({ kind, labels: new Set(labels), tolerance });
const say = (parts: Partial<StudentPrediction>): StudentPrediction => ({
  text: '',
  confidence: 0.9,
  inScope: 0.9,
  outOfScope: false,
  ...parts,
});

describe('scores of sets', () => {
  it('count micro and macro F1 and exact sets as scikit-learn does', () => {
    // a: right 1, said 2, gold 1; b: right 1, said 1, gold 2; c: said 0, gold 1.
    const predicted = [['a', 'b'], ['a'], []];
    const gold = [['a', 'b'], ['b'], ['c']];
    const found = labelSetScores(predicted, gold);
    expect(found.microF1).toBeCloseTo((2 * 2) / (3 + 4), 12);
    expect(found.macroF1).toBeCloseTo((2 / 3 + 2 / 3 + 0) / 3, 12);
    expect(found.exact).toBeCloseTo(1 / 3, 12);
  });

  it('count each value of a field, in any order, each once', () => {
    const found = fieldScores([{ city: 'New  York', tags: ['x', 'x', 'y'] }], [{ city: 'New York', tags: ['y', 'x'] }]);
    expect([found.microF1, found.exact]).toEqual([(2 * 3) / (4 + 3), 0]);
    expect(fieldScores([{}], [{}])).toEqual({ microF1: 1, macroF1: 1, exact: 1 });
  });
});

describe('scores of predictions', () => {
  it('take accuracy over the rows in scope, and calibration over all', () => {
    const found = scorePredictions(
      [{ label: 'a' }, { label: 'b' }, { label: null }, { label: 'unknown' }],
      [
        say({ label: 'a', inScope: 0.9 }),
        say({ label: 'a', inScope: 0.8 }),
        say({ label: 'a', inScope: 0.1, outOfScope: true, confidence: 0.1 }),
        say({ label: 'a', inScope: 0.85 }),
      ],
      scale('classifier', ['a', 'b']),
    );
    expect(found).toMatchObject({ inScope: 2, outOfScope: 2, accuracy: 0.5, outOfScopeAuroc: 0.75, outOfScopeRecall: 0.5, falseAlarms: 0 });
    // Three answers at 0.9 of which one is right, one at 0.1 which is wrong.
    expect(found.ece).toBeCloseTo((3 * (0.9 - 1 / 3) + 0.1) / 4, 12);
  });

  it('are null where there is nothing to take them over', () => {
    const found = scorePredictions([{ label: null }], [say({ label: 'a' })], scale('classifier', ['a']));
    expect(found).toMatchObject({ accuracy: null, falseAlarms: null, outOfScopeAuroc: null, outOfScopeRecall: 0 });
    expect(found.macroF1).toBeUndefined();
  });

  it('hold a number right within the tolerance', () => {
    const numbers = scale('scorer', [], 0.5);
    expect([isRight({ value: 3 }, say({ value: 3.5 }), numbers), isRight({ value: 3 }, say({ value: 3.51 }), numbers)]).toEqual([
      true,
      false,
    ]);
    const found = scorePredictions([{ value: 1 }, { value: 3 }], [say({ value: 2 }), say({ value: 3 })], numbers);
    expect(found).toMatchObject({ mae: 0.5, rmse: Math.SQRT1_2, accuracy: 0.5, tolerance: 0.5 });
  });
});

describe('quality of an answer', () => {
  it.each([
    ['a label that is written otherwise', 'classifier', { label: 'card_lost' }, 'Card lost.', 1],
    ['another label', 'classifier', { label: 'card_lost' }, 'refund', 0],
    ['none of the labels where none is right', 'classifier', { label: null }, 'something else', 1],
    ['nothing where none is right', 'classifier', { label: null }, null, 1],
    ['a label where none is right', 'classifier', { label: null }, 'refund', 0],
    ['a part of the labels', 'multilabel', { labels: ['card_lost', 'refund'] }, '["refund"]', 0.5],
    ['prose for labels', 'multilabel', { labels: ['refund'] }, 'refund', 0],
    ['half of the fields', 'extractor', { fields: { a: 'x', b: 'y' } }, { a: 'x' }, 0.5],
    ['fields with a number', 'extractor', { fields: { a: '5' } }, '{"a": 5}', 1],
    ['a number as text', 'scorer', { value: 4 }, '4', 1],
    ['a number too far away', 'scorer', { value: 4 }, 5, 0],
  ] as const)('knows the frontier by %s', (_, kind, gold, answer, quality) => {
    expect(frontierQuality(gold, { answer }, scale(kind, ['card_lost', 'refund'], 0.5))).toBe(quality);
  });

  it("is the recorded one where the frontier's answer was scored before", () => {
    expect(frontierQuality({ label: 'a' }, { answer: 'b', quality: 0.7 }, scale('classifier', ['a', 'b']))).toBe(0.7);
  });

  it('is none for a student that answers what is out of scope, and agreement where nothing else is known', () => {
    const labels = scale('classifier', ['a', 'b']);
    expect(qualityOf({ label: null }, say({ label: 'a' }), labels)).toBe(0);
    expect([
      agreementWith({ answer: 'A' }, say({ label: 'a' }), labels),
      agreementWith({ answer: 'b' }, say({ label: 'a' }), labels),
    ]).toEqual([1, 0]);
    expect(readAnswer({ x: [1, null], y: {}, z: '' }, 'extractor')).toEqual({ x: ['1'] });
  });
});

describe('the outlook of a student', () => {
  const labels = scale('classifier', ['a', 'b']);
  const rule = { floor: 0.98, level: 0.95, minShare: 0.05 };
  const rows = Array.from({ length: 600 }, (_, i) => ({ text: `${i}`, label: i % 2 === 0 ? 'a' : 'b' }));
  const sure = rows.map(({ label }, i) => say({ label: i % 3 === 0 ? 'a' : label, confidence: i % 3 === 0 ? 0.5 : 0.99 }));

  it('is promising where the sure answers are right', () => {
    expect(outlookOf(rows, sure, labels, rule)).toMatchObject({ verdict: 'promising', against: 'perfect', units: 600, fewest: 149 });
    expect(outlookOf(rows, sure, labels, rule).accepted).toBeGreaterThan(0.6);
  });

  it('is none where sureness says nothing, and unknown where a faultless student could not show more', () => {
    const guesses = rows.map((_, i) => say({ label: 'a', confidence: ((i * 7919) % 600) / 600 }));
    expect(outlookOf(rows, guesses, labels, rule)).toMatchObject({ verdict: 'none' });
    expect(outlookOf(rows.slice(0, 100), sure.slice(0, 100), labels, rule)).toMatchObject({ verdict: 'too-few', accepted: 0 });
  });

  it('compares with what the frontier really answered, where every row has that', () => {
    // The frontier is wrong wherever the student is: nothing is lost.
    const recorded = rows.map((row, i) => ({ ...row, frontier: { answer: i % 3 === 0 ? 'a' : row.label } }));
    expect(outlookOf(recorded, sure, labels, rule)).toMatchObject({ verdict: 'promising', accepted: 1, against: 'recorded' });
  });
});
