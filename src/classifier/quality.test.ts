import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Classifier, parseClassifier, serialiseClassifier, trainClassifier } from './index.ts';

const asks = ['please V', 'how do i V', 'i want to V', 'can you V for me', 'V now'];
const wants: Readonly<Record<string, readonly string[]>> = {
  block: ['block my card', 'freeze the card', 'stop my stolen card'],
  pay: ['pay a bill', 'send money', 'transfer money to a friend'],
  balance: ['see my balance', 'know how much money i have', 'check the account balance'],
};
const rows = Object.entries(wants).flatMap(([label, texts]) =>
  texts.flatMap((text) => asks.map((ask) => ({ text: ask.replace('V', text), label }))),
);

describe('quality mode', () => {
  const trained = trainClassifier(rows, { seed: 4, mode: 'quality', folds: 2 });
  const model = { ...trained.model, mixture: { linear: 2, network: 0.5 } };
  const classifier = new Classifier(model);

  it('learns the rows by its networks alone too', () => {
    expect(trained.model.networks).toHaveLength(3);
    const networks = new Classifier({ ...trained.model, mixture: { linear: 1e-6, network: 1 } });
    for (const { text, label } of rows) expect(networks.predict(text).label).toBe(label);
    expect(trainClassifier(rows, { seed: 4 }).model.networks).toEqual([]);
  });

  it('is the same for the same seed and after a round trip, for any text', () => {
    expect(trainClassifier(rows, { seed: 4, mode: 'quality', folds: 2 })).toEqual(trained);
    const read = parseClassifier(serialiseClassifier(model, {})).model;
    expect(read).toEqual(model);
    const again = new Classifier(read);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const said = classifier.predict(text);
        expect(again.predict(text)).toEqual(said);
        expect(classifier.rank(text, 3).reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
      }),
      { numRuns: 30 },
    );
  });

  it('explains an answer by features of which the strongest speaks for it', () => {
    const { answer, features } = classifier.explain('please freeze my stolen card', 5);
    expect(answer).toBe('block');
    expect(features).toHaveLength(5);
    expect(features[0]!.contribution).toBeGreaterThan(0);
  });
});

describe('explanation', () => {
  it('shares out the whole difference to the runner-up among the features of the text', () => {
    const { model } = trainClassifier(rows, { seed: 4 });
    const classifier = new Classifier(model);
    const text = 'please freeze my stolen card';
    const { answer, against, features } = classifier.explain(text, 1000);
    const odds = (label: string | null) => Math.log(classifier.rank(text, 3).find((row) => row.label === label)!.probability);
    const bias = (label: string | null) => model.mixture.linear * model.linear.biases[model.labels.indexOf(label!)]!;
    const sum = features.reduce((total, { contribution }) => total + contribution, 0);
    expect(sum + bias(answer) - bias(against)).toBeCloseTo(odds(answer) - odds(against), 5);
    expect(features.every(({ text: name }) => name.length > 0)).toBe(true);
  });
});
