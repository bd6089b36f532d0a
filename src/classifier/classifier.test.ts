import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Classifier, type LabelledText, trainClassifier } from './index.ts';

const support: readonly LabelledText[] = [
  { text: 'I was charged twice for the same order', label: 'billing' },
  { text: 'why is there a second charge on my invoice', label: 'billing' },
  { text: 'the invoice shows the wrong amount', label: 'billing' },
  { text: 'please correct the bill, you charged too much', label: 'billing' },
  { text: 'where is my parcel', label: 'shipping' },
  { text: 'the parcel has not been delivered yet', label: 'shipping' },
  { text: 'tracking says my package is lost in delivery', label: 'shipping' },
  { text: 'when will the package be delivered?', label: 'shipping' },
  { text: 'I want my money back', label: 'refund' },
  { text: 'please refund my order, I sent it back', label: 'refund' },
  { text: 'how long does a refund take', label: 'refund' },
  { text: 'still waiting for the refund of my returned shoes', label: 'refund' },
];

const trained = trainClassifier(support, { seed: 3 });
const classifier = new Classifier(trained.model);

describe('text classifier', () => {
  it('labels texts that it has not seen', () => {
    const texts = ['my invoice has a wrong charge', 'has the parcel been delivered', 'I would like a refund'];
    expect(texts.map((text) => classifier.predict(text).label)).toEqual(['billing', 'shipping', 'refund']);
  });

  it('gives a probability between 0 and 1 that is the top of a ranking which sums to 1, and a margin that is not negative', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom('', ...support.map((row) => row.text))),
        (text) => {
          const { label, probability, margin } = classifier.predict(text);
          const ranked = classifier.rank(text, 3);
          expect(ranked[0]).toEqual({ label, probability });
          expect(probability).toBeGreaterThanOrEqual(1 / 3 - 1e-12);
          expect(probability).toBeLessThanOrEqual(1);
          expect(margin).toBeGreaterThanOrEqual(0);
          expect(ranked.reduce((sum, row) => sum + row.probability, 0)).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it('answers a text the same way whatever it answered before', () => {
    const alone = new Classifier(trained.model).predict('where is the refund for my parcel');
    for (const { text } of support) classifier.predict(text);
    expect(classifier.predict('where is the refund for my parcel')).toEqual(alone);
  });

  it('is the same to the last bit for the same seed', () => {
    expect(trainClassifier(support, { seed: 3 })).toEqual(trained);
  });

  it('learns from two rows a class, and from a class with a single row', () => {
    const few = [support[0]!, support[1]!, support[4]!, support[5]!, support[8]!];
    const { model, heldOut } = trainClassifier(few, { seed: 1 });
    expect(new Classifier(model).predict('a refund please, my money').label).toBe('refund');
    expect(heldOut).toHaveLength(5);
    // Held out, the single row's class was unknown: it cannot have been right.
    expect(heldOut[4]!.label).not.toBe('refund');
  });

  it('learns from what labels are called where rows are few, and never counts a name as a row', () => {
    const texts = {
      parkingPermit: ['leave the car', 'my car', 'car towed'],
      library_card: ['borrow novels', 'my novels', 'novels overdue'],
    };
    const few = Object.entries(texts).flatMap(([label, some]) => some.map((text) => ({ text, label })));
    const { model, heldOut } = trainClassifier(few, { seed: 1 });
    expect(heldOut).toHaveLength(6);
    const said = new Classifier(model);
    expect(['permit', 'library', 'parking'].map((text) => said.predict(text).label)).toEqual([
      'parkingPermit',
      'library_card',
      'parkingPermit',
    ]);
  });

  it('never scores a row by a model that has seen its text', () => {
    // Labels by chance, each text twice: a model that saw the twin would be right every time.
    const rows = Array.from({ length: 40 }, (_, i) => ({
      text: `zq${(i % 20).toString(36).repeat(6)}`,
      label: (i % 20) % 2 === 0 ? 'a' : 'b',
    }));
    const { heldOut } = trainClassifier(rows, { seed: 2 });
    const right = heldOut.filter((row, index) => row.label === rows[index]!.label).length;
    expect(right).toBeLessThan(32);
  });

  it('reads texts that are empty, of any script or a million characters long', () => {
    const rows = [...support, { text: '', label: 'empty' }, { text: '  ', label: 'empty' }, { text: 'возврат денег 💸', label: 'refund' }];
    const odd = new Classifier(trainClassifier(rows, { seed: 1 }).model);
    expect(odd.predict('Возврат').label).toBe('refund');
    expect(odd.labels).toContain(odd.predict('').label);
    expect(odd.labels).toContain(odd.predict('refund '.repeat(150_000)).label);
  });

  it('refuses a single label, no rows, and a single text, saying so', () => {
    const train = (rows: readonly LabelledText[]) => () => trainClassifier(rows, { seed: 1 });
    expect(train(support.slice(0, 4))).toThrow('every row has the label "billing": a classifier needs at least two labels');
    expect(train([])).toThrow('there are no rows to train from');
    expect(train(['a', 'b'].map((label) => ({ text: 'same', label })))).toThrow('every row has the same text');
  });

  it('reports each phase up to its end', () => {
    const last = new Map<string, number>();
    trainClassifier(support, { seed: 1, onProgress: ({ phase, done, total }) => last.set(phase, done / total) });
    expect([...last]).toEqual([
      ['scan', 1],
      ['cross-validate', 1],
      ['fit', 1],
    ]);
  });
});
