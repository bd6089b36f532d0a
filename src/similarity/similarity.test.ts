import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../statistics/index.ts';
import { nearDuplicateGroups, nearestAcross, StreamGroups } from './groups.ts';
import { bandingFor, candidateProbability, LshIndex } from './lsh.ts';
import { jaccard, shinglesOf, tokenShingles, WORD_SHINGLES } from './shingles.ts';
import { estimateJaccard, sketchOf } from './sketch.ts';

const random = seededRandom(5);
const number = () => random.int(2 ** 32);
const asSet = (values: Iterable<number>) => Uint32Array.from(new Set(values)).sort();

/** Two sets of `size` that share so many values that their similarity is the nearest possible to the one asked for. */
function pairOf(size: number, similarity: number): readonly [Uint32Array, Uint32Array] {
  const shared = Math.round((2 * size * similarity) / (1 + similarity));
  const common = Array.from({ length: shared }, number);
  const rest = () => Array.from({ length: size - shared }, number);
  return [asSet([...common, ...rest()]), asSet([...common, ...rest()])];
}

const sets = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }).map(asSet);

describe('shinglesOf', () => {
  it('does not see case, compatibility forms and white space', () => {
    expect(shinglesOf('  My\tＣard\n arrived ')).toEqual(shinglesOf('my card arrived'));
    expect(shinglesOf('my card arrived')).not.toEqual(shinglesOf('my card arrives'));
  });

  it('gives sorted values, each once, and none for an empty text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const options of [undefined, WORD_SHINGLES]) {
          const values = Array.from(shinglesOf(text, options));
          expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
          expect(values.length === 0).toBe(text.normalize('NFKC').trim() === '');
        }
      }),
    );
  });

  it('counts as many shingles as the definition says', () => {
    // " ab " holds " ab" and "ab " of three, " ab " of four; "a" with its blanks is one of three.
    expect(shinglesOf('ab').length).toBe(3);
    expect(shinglesOf('a').length).toBe(1);
    expect(shinglesOf('one two three', WORD_SHINGLES).length).toBe(6);
    expect(tokenShingles(['one', 'two', 'three']).length).toBe(5);
  });
});

describe('jaccard', () => {
  it('is the share of the union that both have', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const union = new Set([...a, ...b]).size;
        expect(jaccard(a, b)).toBe(union === 0 ? 1 : (a.length + b.length - union) / union);
        expect(jaccard(a, b)).toBe(jaccard(b, a));
      }),
    );
  });
});

describe('sketchOf', () => {
  it('is the same for equal sets, whatever their order, and differs for disjoint ones', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 300 }), (values) => {
        const signature = sketchOf(Uint32Array.from(values));
        expect(sketchOf(Uint32Array.from(values).reverse())).toEqual(signature);
        expect(estimateJaccard(signature, sketchOf(Uint32Array.from(values, (value) => value + 2 ** 31)))).toBeLessThan(0.1);
      }),
    );
    expect(estimateJaccard(sketchOf(new Uint32Array()), sketchOf(new Uint32Array()))).toBe(1);
  });

  it.each([
    [3, 0.5],
    [20, 0.25],
    [100, 0.8],
    [2_000, 0.6],
  ])('estimates the similarity of sets of %d without bias and within its standard error', (size, similarity) => {
    const n = 400;
    const errors = Array.from({ length: n }, () => {
      const [a, b] = pairOf(size, similarity);
      return estimateJaccard(sketchOf(a), sketchOf(b)) - jaccard(a, b);
    });
    const mean = errors.reduce((sum, error) => sum + error, 0) / n;
    const sd = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / n);
    // A binomial share of 128 has at most this standard deviation; its mean over n pairs is within four of its own.
    const bound = Math.sqrt((similarity * (1 - similarity)) / 128);
    expect(sd).toBeLessThan(bound * 1.15);
    expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(n));
  });
});

describe('LshIndex', () => {
  it('cuts signatures so that a pair at the threshold is hardly ever missed, and bands are as long as that allows', () => {
    for (const threshold of [0.3, 0.5, 0.7, 0.8, 0.9, 0.99]) {
      const banding = bandingFor(threshold);
      expect(banding.bands * banding.rows).toBeLessThanOrEqual(128);
      expect(candidateProbability(threshold, banding)).toBeGreaterThanOrEqual(0.999);
    }
    expect(bandingFor(0.8)).toEqual({ bands: 25, rows: 5 });
    expect(() => bandingFor(0)).toThrow(RangeError);
    expect(() => bandingFor(Number.NaN)).toThrow(RangeError);
  });

  it('tells the candidates that a search over all pairs of bands finds, each once', () => {
    const signature = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }).map((values) => Uint32Array.from(values));
    fc.assert(
      fc.property(fc.array(signature, { maxLength: 40 }), signature, (known, asked) => {
        const index = new LshIndex({ bands: 4, rows: 2 });
        for (const one of known) index.add(one);
        const found: number[] = [];
        index.candidates(asked, (entry) => {
          found.push(entry);
        });
        const shares = (one: Uint32Array) => [0, 2, 4, 6].some((i) => one[i] === asked[i] && one[i + 1] === asked[i + 1]);
        expect(found.sort((a, b) => a - b)).toEqual(known.flatMap((one, entry) => (shares(one) ? [entry] : [])));
      }),
    );
  });

  it('still finds every entry after its tables have grown many times', () => {
    const index = new LshIndex({ bands: 4, rows: 2 });
    const signatures = Array.from({ length: 20_000 }, () => Uint32Array.from({ length: 8 }, number));
    for (const [i, signature] of signatures.entries()) expect(index.add(signature)).toBe(i);
    for (const [i, signature] of signatures.entries()) {
      let found = false;
      index.candidates(signature, (entry) => {
        found ||= entry === i;
      });
      expect(found).toBe(true);
    }
  });
});

describe('near-duplicate groups', () => {
  it('miss no pair of 2,000 that lies at the threshold or above, and join none below', () => {
    const threshold = 0.8;
    const pairs = Array.from({ length: 2_000 }, (_, i) => pairOf(60 + (i % 60), 0.6 + 0.4 * random.next()));
    const groups = nearDuplicateGroups(pairs.flat(), threshold);
    const wrong = pairs.flatMap(([a, b], i) => {
      const joined = groups[2 * i] === groups[2 * i + 1];
      return joined === jaccard(a, b) >= threshold ? [] : [{ similarity: jaccard(a, b), joined }];
    });
    expect(wrong).toEqual([]);
  });

  it('are what comparing all pairs gives, and are named by their first member', () => {
    const near = fc.array(sets, { maxLength: 25 });
    fc.assert(
      fc.property(near, (all) => {
        const groups = nearDuplicateGroups(all, 0.7);
        const expected = all.map((_, i) => i);
        // Labels sink to the smallest until nothing changes: the components by brute force.
        for (let changed = true; changed; ) {
          changed = false;
          for (let i = 0; i < all.length; i += 1) {
            for (let j = 0; j < i; j += 1) {
              if (expected[i] === expected[j] || jaccard(all[i]!, all[j]!) < 0.7) continue;
              expected[i] = expected[j] = Math.min(expected[i]!, expected[j]!);
              changed = true;
            }
          }
        }
        expect(Array.from(groups)).toEqual(expected);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  it('of a stream join the nearest leader, and count their rows', () => {
    const [a, twin] = pairOf(200, 0.95);
    const stranger = asSet(Array.from({ length: 150 }, number));
    const groups = new StreamGroups(0.8);
    expect([a, stranger, twin, a, stranger].map((set) => groups.add(set))).toEqual([0, 1, 0, 0, 1]);
    expect([groups.count, groups.sizeOf(0), groups.sizeOf(1)]).toEqual([2, 3, 2]);
    expect(groups.find(asSet(Array.from({ length: 150 }, number)))).toBe(null);
    expect(groups.count).toBe(2);
    expect(() => groups.sizeOf(2)).toThrow(RangeError);
  });

  it('across two lists name the most similar row only', () => {
    const [a, b] = pairOf(100, 0.9);
    const other = asSet(Array.from({ length: 100 }, number));
    expect(nearestAcross([other, b, a], [a, asSet(Array.from({ length: 90 }, number))], 0.8)).toEqual([
      { first: 2, second: 0, similarity: 1 },
    ]);
  });
});
