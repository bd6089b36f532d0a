import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContainer, type SectionData, sectionOf, writeContainer } from './index.ts';

const sections = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__'),
  fc.oneof(fc.int8Array({ maxLength: 20 }), fc.int32Array({ maxLength: 20 }), fc.float32Array({ maxLength: 20, noNaN: true })),
);

describe('container', () => {
  it('gives back what was written, for any kind, header and arrays', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.string()), sections, (kind, fields, arrays) => {
        const container = {
          kind,
          header: { fields: Object.entries(fields) },
          sections: new Map<string, SectionData>(Object.entries(arrays)),
        };
        expect(readContainer(writeContainer(container))).toEqual(container);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a section of another type or length, by its name', () => {
    const container = { kind: 'any', header: {}, sections: new Map<string, SectionData>([['weights', new Int8Array(3)]]) };
    expect(sectionOf(container, 'weights', Int8Array, 3)).toHaveLength(3);
    expect(() => sectionOf(container, 'weights', Int8Array, 4)).toThrow('"weights" of the student file is missing or has the wrong size');
    expect(() => sectionOf(container, 'weights', Float32Array, null)).toThrow('"weights"');
    expect(() => sectionOf(container, 'biases', Float32Array, null)).toThrow('"biases"');
  });
});
