import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashIndex, mix } from './index.ts';

const hash = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).filter((value) => value !== 0);

describe('HashIndex', () => {
  it('numbers hashes as a Map does, in the order of their first sight', () => {
    fc.assert(
      fc.property(fc.array(hash), fc.array(hash), (seen, asked) => {
        const index = new HashIndex();
        const reference = new Map<number, number>();
        for (const key of seen) {
          if (!reference.has(key)) reference.set(key, reference.size);
          expect(index.intern(key)).toBe(reference.get(key));
        }
        expect(index.size).toBe(reference.size);
        expect([...index.keys()]).toEqual([...reference.keys()]);
        for (const key of asked) expect(index.find(key)).toBe(reference.get(key) ?? -1);
      }),
    );
  });

  it('keeps every number while it grows, also where all hashes want one slot', () => {
    const index = new HashIndex(1);
    const hashes = Array.from({ length: 5_000 }, (_, i) => (i + 1) << 16);
    const distinct = [...new Set(hashes.filter((value) => value !== 0))];
    for (const [number, value] of distinct.entries()) expect(index.intern(value)).toBe(number);
    expect(distinct.map((value) => index.find(value))).toEqual(distinct.map((_, number) => number));
    expect(index.find(3)).toBe(-1);
  });
});

describe('mix', () => {
  it('is the finaliser of MurmurHash3', () => {
    // fmix32 of Appleby's reference code.
    expect([1, 2, 0xdeadbeef].map((value) => mix(value) >>> 0)).toEqual([0x514e28b7, 0x30f4c306, 0x0de5c6a9]);
  });

  it('never gives 0, which means empty in an index', () => {
    expect(mix(0)).toBe(1);
  });
});
