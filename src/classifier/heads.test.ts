import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MultilabelClassifier,
  type MultilabelText,
  parseMultilabel,
  parseScorer,
  type ScoredText,
  Scorer,
  serialiseMultilabel,
  serialiseScorer,
  trainMultilabel,
  trainScorer,
} from './index.ts';

const colours = ['red', 'green', 'blue', 'white'];
const shapes = ['circle', 'square', 'star'];
const sentences = (words: readonly string[]) => [
  `a ${words.join(' ')} thing`,
  `paint it ${words.join(' and ')} today`,
  `${words.join(' ')}!`,
];

/** Every set of at most one colour and one shape, in three sentences; the empty set too. */
const tagged: readonly MultilabelText[] = ['', ...colours].flatMap((colour) =>
  ['', ...shapes].flatMap((shape) => {
    const labels = [colour, shape].filter((word) => word !== '');
    return sentences(labels).map((text) => ({ text, labels }));
  }),
);

describe('multi-label classifier', () => {
  const trained = trainMultilabel(tagged, { seed: 3 });
  const classifier = new MultilabelClassifier(trained.model);

  it('gives every label that a text has, and none where it has none', () => {
    const right = tagged.filter((row) => JSON.stringify([...row.labels!].sort()) === JSON.stringify(classifier.predict(row.text).labels));
    expect(right.length / tagged.length).toBeGreaterThan(0.95);
    expect(classifier.predict('a thing').labels).toEqual([]);
  });

  it('says of every held-out row a set, each label calibrated between 0 and 1', () => {
    expect(trained.heldOut).toHaveLength(tagged.length);
    for (const { probabilities, confidence, inScope } of trained.heldOut)
      for (const p of [...probabilities, confidence, inScope]) expect(p >= 0 && p <= 1).toBe(true);
  });

  it('answers any text without an error, the same after a round trip through its file', () => {
    const file = serialiseMultilabel(trained.model, { rows: tagged.length });
    const read = parseMultilabel(file);
    expect(read).toEqual({ model: trained.model, metadata: { rows: tagged.length } });
    expect(serialiseMultilabel(trainMultilabel(tagged, { seed: 3 }).model, { rows: tagged.length })).toEqual(file);
    const again = new MultilabelClassifier(read.model);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(again.predict(text)).toEqual(classifier.predict(text));
      }),
      { numRuns: 30 },
    );
  });

  it('explains each label by words of the text', () => {
    const explained = classifier.explain('paint it red and star today', 3);
    expect(explained.map(({ answer }) => answer)).toEqual(['red', 'star']);
    for (const { answer, features } of explained)
      expect(features.some(({ text, contribution }) => text.includes(answer) && contribution > 0)).toBe(true);
  });

  it('refuses rows without any label', () => {
    expect(() => trainMultilabel([{ text: 'a', labels: [] }], { seed: 1 })).toThrow('no row has a label');
  });
});

const moods = ['awful', 'bad', 'fine', 'good', 'great'];
const places = ['hotel', 'meal', 'trip', 'room', 'film', 'show'];
const rated: readonly ScoredText[] = moods.flatMap((mood, value) =>
  places.flatMap((place) => [
    { text: `the ${place} was ${mood}`, value },
    { text: `${mood} ${place}`, value },
  ]),
);
const priced: readonly ScoredText[] = Array.from({ length: 120 }, (_, i) => ({
  text: `${i % 2 === 0 ? 'large' : 'small'} ${['oak', 'pine', 'steel'][i % 3]} table ${places[i % 6]} ${i % 7}`,
  value: (i % 2 === 0 ? 40.5 : 20.25) + [9, 0, 4.5][i % 3]!,
}));

describe('scorer', () => {
  const ordinal = trainScorer(rated, { seed: 2 });
  const real = trainScorer(priced, { seed: 2 });

  it('learns a scale of a few whole numbers and answers with one of them', () => {
    expect(ordinal.model.ordinal?.levels).toEqual([0, 1, 2, 3, 4]);
    expect(ordinal.model.tolerance).toBe(0.5);
    const scorer = new Scorer(ordinal.model);
    const right = rated.filter(({ text, value }) => scorer.predict(text).value === value);
    expect(right.length / rated.length).toBeGreaterThan(0.9);
  });

  it('learns real numbers by regression: held-out answers follow the targets', () => {
    expect(real.model.real).not.toBeNull();
    const mean = priced.reduce((sum, { value }) => sum + value!, 0) / priced.length;
    const left = priced.reduce((sum, { value }, i) => sum + (real.heldOut[i]!.value - value!) ** 2, 0);
    const all = priced.reduce((sum, { value }) => sum + (value! - mean) ** 2, 0);
    expect(1 - left / all).toBeGreaterThan(0.9);
  });

  it('never leaves the range of its training rows, whatever the text, and is the same after a round trip', () => {
    for (const { model } of [ordinal, real]) {
      const scorer = new Scorer(model);
      const again = new Scorer(parseScorer(serialiseScorer(model, {})).model);
      fc.assert(
        fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
          const said = scorer.predict(text);
          expect(said.value >= model.minimum && said.value <= model.maximum).toBe(true);
          expect(said.confidence >= 0 && said.confidence <= 1).toBe(true);
          expect(again.predict(text)).toEqual(said);
        }),
        { numRuns: 30 },
      );
    }
  });

  it('names what raised the number', () => {
    const { features } = new Scorer(real.model).explain('large steel table', 20);
    expect(features.find(({ text }) => text === 'large')!.contribution).toBeGreaterThan(0);
  });

  it('refuses targets that are all alike or not finite', () => {
    const rows = (value: number) => ['a', 'b'].map((text) => ({ text, value }));
    expect(() => trainScorer(rows(1), { seed: 1 })).toThrow('every row has the value 1');
    expect(() => trainScorer(rows(Number.NaN), { seed: 1 })).toThrow('not a finite number');
  });

  it('refuses the file of another kind', () => {
    expect(() => parseMultilabel(serialiseScorer(real.model, {}))).toThrow('"scorer", not a multilabel');
  });
});
