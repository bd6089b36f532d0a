import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeContainer } from '../container/index.ts';
import { Classifier, checksumOf, parseClassifier, serialiseClassifier, trainClassifier } from './index.ts';

const rows = ['red apple', 'green apple', 'fast car', 'old car', 'tall tree', 'green tree'].map((text) => ({
  text,
  label: text.split(' ')[1]!,
}));
const { model } = trainClassifier(rows, { seed: 1 });
const metadata = { created: '2026-10-01T00:00:00.000Z', rows: 6 };
const file = serialiseClassifier(model, metadata);

const codeOf = (bytes: Uint8Array) => {
  try {
    parseClassifier(bytes);
    return 'read';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('student file', () => {
  it('holds the model and its metadata unchanged', () => {
    expect(parseClassifier(file)).toEqual({ model, metadata });
  });

  it('predicts the same after a round trip, for any text', () => {
    const before = new Classifier(model);
    const after = new Classifier(parseClassifier(file).model);
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        expect(after.predict(text)).toEqual(before.predict(text));
      }),
    );
  });

  it('refuses a file in which any byte was changed', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(file);
        changed[at] = changed[at]! ^ flip;
        expect(codeOf(changed)).toBe('STUDENT_FILE_INVALID');
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a file that is cut short anywhere, foreign or empty', () => {
    for (let length = 0; length < file.length; length += 97) expect(codeOf(file.subarray(0, length))).toBe('STUDENT_FILE_INVALID');
    expect(codeOf(Buffer.from('{"not": "a student"}'.repeat(10)))).toBe('STUDENT_FILE_INVALID');
  });

  it('names the version of a format that is newer', () => {
    const newer = Buffer.from(file);
    newer.writeUInt32LE(7, 8);
    expect(() => parseClassifier(newer)).toThrow('format version 7; this smallfirst reads 1');
  });

  it('refuses arrays that do not fit each other, under a checksum that is right', () => {
    const { encoding, linear, certain } = model;
    if (encoding.input !== 'text') throw new Error('the model does not read texts');
    const broken: readonly Partial<typeof model>[] = [
      { encoding: { ...encoding, idf: encoding.idf.slice(1) } },
      { encoding: { ...encoding, hashes: encoding.hashes.map(() => 5) } },
      { encoding: { ...encoding, blockWeights: [1] } },
      { linear: { ...linear, weights: linear.weights.slice(0, -1) } },
      { linear: { ...linear, biases: Float32Array.from([Number.NaN, 0, 0]) } },
      { labels: ['a', 'a', 'b'] },
      { mixture: { linear: 0, network: 0 } },
      { certain: { ...certain, scope: { weights: [1], bias: 0 } } },
      { certain: { ...certain, threshold: Number.NaN } },
    ];
    for (const part of broken) expect(codeOf(serialiseClassifier({ ...model, ...part }, {}))).toBe('STUDENT_FILE_INVALID');
    expect(() => parseClassifier(writeContainer({ kind: 'extractor', header: {}, sections: new Map() }))).toThrow(
      '"extractor", not a classifier',
    );
  });

  it('ends with the checksum that pins it', () => {
    expect(checksumOf(file)).toBe(createHash('sha256').update(file.subarray(0, -32)).digest('hex'));
  });
});
