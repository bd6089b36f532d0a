import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeContainer } from '../container/index.ts';
import { parseTagger, serialiseTagger, Tagger, trainTagger } from './index.ts';

const rows = ['red', 'green', 'blue', 'grey', 'dark red', 'light blue'].flatMap((colour) =>
  ['car', 'bike', 'old van'].map((thing) => ({
    text: `a ${colour} ${thing}, ${thing === 'bike' ? 'two wheels' : 'four wheels'}`,
    fields: { colour, thing, licence: thing === 'bike' ? 'none' : 'B class' },
  })),
);
const { model } = trainTagger(rows, { seed: 1 });
const metadata = { created: '2026-10-01T00:00:00.000Z', rows: rows.length };
const file = serialiseTagger(model, metadata);

const codeOf = (bytes: Uint8Array) => {
  try {
    parseTagger(bytes);
    return 'read';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('extractor file', () => {
  it('holds the model and its metadata unchanged', () => {
    expect(parseTagger(file)).toEqual({ model, metadata });
  });

  it('predicts the same after a round trip, for any text', () => {
    const before = new Tagger(model);
    const after = new Tagger(parseTagger(file).model);
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 80 }), fc.constantFrom(...rows.map((row) => row.text))), (text) => {
        expect(after.predict(text)).toEqual(before.predict(text));
        expect(after.explain(text)).toEqual(before.explain(text));
      }),
    );
  });

  it('refuses a file in which any byte was changed, or that was cut short', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = file.slice();
        changed[at] = (changed[at]! + by) % 256;
        expect(codeOf(changed)).toBe('STUDENT_FILE_INVALID');
        expect(codeOf(file.slice(0, at))).toBe('STUDENT_FILE_INVALID');
      }),
      { numRuns: 50 },
    );
  });

  it('refuses another kind of student, and one whose parts do not fit together', () => {
    const foreign = writeContainer({ kind: 'classifier', header: {}, sections: new Map() });
    expect(() => parseTagger(foreign)).toThrow('this student is of kind "classifier", not an extractor');
    const without = (change: Partial<typeof model>) => codeOf(serialiseTagger({ ...model, ...change }, {}));
    expect(without({ transitions: new Float32Array(3) })).toBe('STUDENT_FILE_INVALID');
    expect(without({ transitions: model.transitions.map(() => Number.NaN) })).toBe('STUDENT_FILE_INVALID');
    expect(without({ spanFields: [], choiceFields: [] })).toBe('STUDENT_FILE_INVALID');
    expect(without({ words: Int32Array.of(7, 7) })).toBe('STUDENT_FILE_INVALID');
    expect(without({ recordCalibration: [1] })).toBe('STUDENT_FILE_INVALID');
    expect(without({ tagger: { ...model.tagger, classes: model.tagger.classes.map(() => 200) } })).toBe('STUDENT_FILE_INVALID');
    expect(without({ gazetteer: { ...model.gazetteer, pairs: Int32Array.of(-1) } })).toBe('STUDENT_FILE_INVALID');
  });
});
