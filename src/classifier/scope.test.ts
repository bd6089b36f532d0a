import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Classifier, type LabelledText, trainClassifier } from './index.ts';

const verbs = ['open', 'close', 'change', 'check', 'stop'];
const things = ['account', 'card', 'loan', 'transfer', 'statement', 'password'];
const frames = ['please V my T', 'how do i V a T', 'i want to V the T now', 'V T', 'can you V this T for me'];
const rows: readonly LabelledText[] = things.flatMap((thing) =>
  verbs.flatMap((verb) => frames.map((frame) => ({ text: frame.replace('V', verb).replace('T', thing), label: thing }))),
);

describe('scope', () => {
  const trained = trainClassifier(rows, { seed: 1 });
  const classifier = new Classifier(trained.model);

  it('calls texts of unknown words out of scope, and still names the best label', () => {
    for (const text of ['', 'zxqv wkjh pqrt', 'quantum chromodynamics fascinates octopuses', '???']) {
      const said = classifier.predict(text);
      expect(said.outOfScope).toBe(true);
      expect(said.inScope).toBeLessThan(0.5);
      expect(said.confidence).toBeLessThan(0.5);
      expect(classifier.labels).toContain(said.label);
    }
  });

  it('keeps at least 95 % of the held-out rows in scope when nobody gave examples of what lies outside', () => {
    const rejected = trained.heldOut.filter((row) => row.outOfScope).length;
    expect(rejected / rows.length).toBeLessThanOrEqual(0.05);
  });

  it('learns from given examples what lies outside, never as a label', () => {
    const outside = Array.from({ length: 40 }, (_, i) => ({ text: `tell me a joke about the ${things[i % 6]} number ${i}`, label: null }));
    const { model, heldOut } = trainClassifier([...rows, ...outside], { seed: 1 });
    expect(model.labels).toEqual([...things].sort());
    expect(heldOut).toHaveLength(rows.length + 40);
    const found = heldOut.slice(rows.length).filter((row) => row.outOfScope).length;
    expect(found).toBeGreaterThanOrEqual(36);
    const said = new Classifier(model).predict('tell me a joke about the weather');
    expect(said.outOfScope).toBe(true);
    expect(said.confidence).toBeLessThan(0.3);
  });
});

const DATA = '../shared/data/text/clinc150';

describe.skipIf(!existsSync(DATA))('scope on CLINC150 validation rows (needs ../shared/data)', () => {
  const read = (file: string) =>
    readFileSync(`${DATA}/${file}`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string; label: string });

  it('ranks out-of-scope questions below questions in scope, from classes that it was trained on alone', () => {
    const some = read('train.jsonl').filter((_, i) => i % 100 < 12);
    const labels = new Set(some.map((row) => row.label));
    const { model } = trainClassifier(some, { seed: 1, folds: 2 });
    const classifier = new Classifier(model);
    const inside = read('val.jsonl')
      .filter((row, i) => labels.has(row.label) && i % 3 === 0)
      .map((row) => classifier.predict(row.text).inScope);
    const outside = read('oos_val.jsonl').map((row) => classifier.predict(row.text).inScope);
    const wins = inside.reduce((sum, a) => sum + outside.reduce((won, b) => won + (a > b ? 1 : a === b ? 0.5 : 0), 0), 0);
    expect(wins / inside.length / outside.length).toBeGreaterThan(0.85);
  });
});
