import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import {
  Classifier,
  type Dense,
  type LabelledText,
  parseClassifier,
  Scorer,
  serialiseClassifier,
  trainDenseInSteps,
  trainDenseMultilabelInSteps,
  trainDenseScorerInSteps,
} from './index.ts';
import { runToEnd } from './progress.ts';

const DIMENSIONS = 64;
const CLASSES = 6;

/** Directions with noise about them, and a common one that all share, as embeddings have. */
function clouds(perClass: number, seed: number): Dense<LabelledText>[] {
  const centres = seededRandom(7);
  const common = Array.from({ length: DIMENSIONS }, () => 2 * centres.normal());
  const middle = Array.from({ length: CLASSES }, () => Array.from({ length: DIMENSIONS }, () => centres.normal()));
  const noise = seededRandom(seed);
  return Array.from({ length: perClass * CLASSES }, (_, i) => ({
    label: `class ${i % CLASSES}`,
    vector: Float32Array.from(common, (value, d) => value + middle[i % CLASSES]![d]! + 1.2 * noise.normal()),
  }));
}

describe('student of embeddings', () => {
  const { model, heldOut } = runToEnd(trainDenseInSteps(clouds(5, 1), { seed: 1 }));

  it('tells classes apart from five examples each', () => {
    const classifier = new Classifier(model);
    const test = clouds(50, 2);
    const right = test.filter(({ vector, label }) => classifier.predict(vector).label === label);
    expect(right.length / test.length).toBeGreaterThan(0.95);
    expect(heldOut).toHaveLength(5 * CLASSES);
    expect(classifier.rank(test[0]!.vector, 99).reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(classifier.explain(test[0]!.vector, 2).features.map(({ kind }) => kind)).toEqual(['dimension', 'dimension']);
  });

  it('is the same after a round trip, and refuses texts and embeddings of another length', () => {
    expect(parseClassifier(serialiseClassifier(model, {})).model).toEqual(model);
    const classifier = new Classifier(model);
    expect(() => classifier.predict(new Float32Array(3))).toThrow('the embedding has 3 numbers; this student was trained on 64');
    expect(() => classifier.predict('text')).toThrow('this student reads embeddings, not texts');
    expect(classifier.labels).toContain(classifier.predict(new Float32Array(DIMENSIONS)).label);
  });

  it('refuses to train on embeddings of different lengths or that are not finite', () => {
    const rows = clouds(1, 1);
    const train = (vector: Float32Array) => () => runToEnd(trainDenseInSteps([...rows, { label: 'odd', vector }], { seed: 1 }));
    expect(train(new Float32Array(5))).toThrow('embedding 7 has 5 numbers, the first has 64');
    expect(train(new Float32Array(DIMENSIONS).fill(Number.NaN))).toThrow('embedding 7 holds a number that is not finite');
  });

  it('gives sets of labels and numbers too', () => {
    const rows = clouds(12, 3);
    const index = (label: string | null) => Number(label!.slice(-1));
    const sets = runToEnd(
      trainDenseMultilabelInSteps(
        rows.map(({ vector, label }) => ({ vector, labels: index(label) < 2 ? [] : index(label) < 4 ? ['high'] : ['high', 'top'] })),
        { seed: 1 },
      ),
    );
    const right = sets.heldOut.filter(({ labels }, i) => labels.length === Math.floor(index(rows[i]!.label) / 2));
    expect(right.length / rows.length).toBeGreaterThan(0.9);
    const numbers = runToEnd(
      trainDenseScorerInSteps(
        rows.map(({ vector, label }) => ({ vector, value: index(label) + 0.5 })),
        { seed: 1 },
      ),
    );
    const scorer = new Scorer(numbers.model);
    const near = rows.filter(({ vector, label }) => Math.abs(scorer.predict(vector).value - index(label) - 0.5) < numbers.model.tolerance);
    expect(near.length / rows.length).toBeGreaterThan(0.9);
  });
});
