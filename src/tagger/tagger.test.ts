import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExtractionRow, Tagger, trainTagger } from './index.ts';

const cities = ['Paris', 'New York', 'Rome', 'Oslo', 'Buenos Aires', 'Kyoto', 'Lima', 'Cape Town', 'Vienna', 'Delhi'];
const days = ['monday', 'tuesday', 'friday', 'sunday', 'tomorrow'];
const kinds = ['flight', 'train', 'bus'];

/** Requests to travel; `haste` is told by words, not by a passage. */
const rows: readonly ExtractionRow[] = Array.from({ length: 120 }, (_, i) => {
  const city = cities[i % cities.length]!;
  const day = days[i % days.length]!;
  const kind = kinds[i % kinds.length]!;
  const urgent = i % 2 === 0;
  const opening = urgent ? 'quickly, right now: ' : '';
  return i % 3 === 0
    ? { text: `${opening}book a ${kind} to ${city} on ${day} please`, fields: { city, day, kind, haste: urgent ? 'high' : 'low' } }
    : { text: `${opening}I need to get to ${city} by ${kind}`, fields: { city, kind, haste: urgent ? 'high' : 'low' } };
});

const trained = trainTagger(rows, { seed: 5 });
const tagger = new Tagger(trained.model);

describe('field extractor', () => {
  it('extracts passages and choices from texts that it has not seen', () => {
    expect(tagger.predict('quickly, right now: book a bus to Toledo on friday please').fields).toEqual({
      city: 'Toledo',
      day: 'friday',
      kind: 'bus',
      haste: 'high',
    });
    expect(tagger.predict('I need to get to Kyoto by train').fields).toEqual({ city: 'Kyoto', kind: 'train', haste: 'low' });
  });

  it('never throws, answers only with fields of its schema, and with probabilities', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.constantFrom('', ' ', '\n\n', '__proto__', 'ქ ქ', 'to on', ...rows.map((row) => row.text)),
      fc
        .array(fc.constantFrom('book', 'Rome', 'on', '12.50', '\n', 'monday', "'s", '💸', 'Ünïcode', '东京'), { maxLength: 60 })
        .map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const { fields, confidence, perField, knownShare } = tagger.predict(text);
        expect(tagger.fields).toEqual(expect.arrayContaining(Object.keys(fields)));
        expect(Object.keys(perField)).toEqual(Object.keys(fields));
        for (const probability of [confidence, knownShare, ...Object.values(perField)]) {
          expect(probability).toBeGreaterThanOrEqual(0);
          expect(probability).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('answers a text the same way whatever it answered before', () => {
    const text = 'book a train to Lima on sunday please';
    const alone = new Tagger(trained.model).predict(text);
    for (const row of rows) tagger.predict(row.text);
    expect(tagger.predict(text)).toEqual(alone);
  });

  it('reads at most a bounded part of a text of a million characters', () => {
    expect(tagger.predict('book a train to Rome on monday please '.repeat(27_000)).fields.city).toBe('Rome');
  });

  it('is the same to the last bit for the same seed', () => {
    expect(trainTagger(rows, { seed: 5 })).toEqual(trained);
  });

  it('answers every training row once while it has not seen its text, and calibrates on those answers', () => {
    expect(trained.heldOut).toHaveLength(rows.length);
    expect(trained.folds).toBe(5);
    const mean = trained.heldOut.reduce((sum, row) => sum + row.confidence, 0) / rows.length;
    const right = trained.heldOut.filter(
      (row, r) => row.fields.city === rows[r]!.fields.city && row.fields.haste === rows[r]!.fields.haste,
    ).length;
    expect(Math.abs(mean - right / rows.length)).toBeLessThan(0.1);
  });

  it('is less sure of a text unlike any that it was trained on', () => {
    const usual = tagger.predict('I need to get to Rome by bus').confidence;
    expect(tagger.predict('zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich').confidence).toBeLessThan(usual);
  });

  it('explains a field by features that can be read', () => {
    const explained = tagger.explain('quickly, right now: book a bus to Toledo on friday please', 3);
    expect(explained.map(({ field, value }) => [field, value])).toEqual([
      ['kind', 'bus'],
      ['city', 'Toledo'],
      ['day', 'friday'],
      ['haste', 'high'],
    ]);
    for (const { features } of explained) {
      expect(features).toHaveLength(3);
      for (const { weight } of features) expect(weight).toBeGreaterThan(0);
    }
    expect(explained[1]!.features.map(({ feature }) => feature).join()).toContain('"to"');
    expect(explained[3]!.features[0]!.feature).toMatch(/^text holds/);
  });

  it('gives several values of a field as a list, and a field that was always a list even when it has one', () => {
    const things = ['milk', 'bread', 'salt', 'rice', 'eggs', 'tea', 'beans', 'oil'];
    const lists = things.flatMap((a, i) => [
      { text: `buy ${a} and ${things[(i + 1) % 8]!} at Spar`, fields: { thing: [a, things[(i + 1) % 8]!], shop: 'Spar' } },
      { text: `buy ${a} at Tesco`, fields: { thing: [a], shop: 'Tesco' } },
    ]);
    const shopper = new Tagger(trainTagger(lists, { seed: 1 }).model);
    expect(shopper.predict('buy tea and salt at Spar').fields).toEqual({ thing: ['tea', 'salt'], shop: 'Spar' });
    expect(shopper.predict('buy oil at Tesco').fields).toEqual({ thing: ['oil'], shop: 'Tesco' });
  });

  it('writes values as training wrote them: amounts, days, aliases', () => {
    const receipts = Array.from({ length: 30 }, (_, i) => {
      const day = String((i % 27) + 1).padStart(2, '0');
      const amount = `${i + 3}.${String((i * 7) % 90).padStart(2, '0')}`;
      return {
        text: `SHOP NO ${i}\nDATE ${day}/11/2025\nTOTAL RM ${amount}\n${i % 2 === 0 ? 'VISA' : 'NOTES'} paid`,
        fields: { date: `2025-11-${day}`, total: String(Number(amount)), payment: i % 2 === 0 ? 'card' : 'cash' },
      };
    });
    const reader = new Tagger(trainTagger(receipts, { seed: 1 }).model);
    expect(reader.predict('SHOP NO 99\nDATE 09/11/2025\nTOTAL RM 45.50\nVISA paid').fields).toEqual({
      date: '2025-11-09',
      total: '45.5',
      payment: 'card',
    });
  });

  it('refuses no rows, rows without fields, and a single text, saying so', () => {
    const train = (some: readonly ExtractionRow[]) => () => trainTagger(some, { seed: 1 });
    expect(train([])).toThrow('there are no rows to train from');
    expect(train([{ text: 'a', fields: {} }])).toThrow('no row has a field: there is nothing to extract');
    expect(train(['x', 'y'].map((a) => ({ text: 'x y', fields: { a } })))).toThrow('every row has the same text');
    const many = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`f${i}`, 'x']));
    expect(train([{ text: 'x', fields: many }])).toThrow('there are 128 different fields; an extractor takes at most 127');
  });

  it('reports each phase up to its end', () => {
    const last = new Map<string, number>();
    trainTagger(rows.slice(0, 20), { seed: 1, onProgress: ({ phase, done, total }) => last.set(phase, done / total) });
    expect([...last]).toEqual([
      ['locate', 1],
      ['cross-validate', 1],
      ['fit', 1],
    ]);
  });
});
