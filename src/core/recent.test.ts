import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Recent } from './recent.ts';

interface Place {
  readonly street: string;
  readonly house: number;
}
const isSame = (a: Place, b: Place) => a.house === b.house && a.street === b.street;

describe('what was made of recent keys', () => {
  it('is found by a key that says the same', () => {
    const recent = new Recent<Place, string>(2, isSame);
    recent.set({ street: 'a', house: 1 }, 'first');
    recent.set({ street: 'a', house: 2 }, 'second');
    expect(recent.get({ street: 'a', house: 1 })).toBe('first');
    expect(recent.get({ street: 'a', house: 2 })).toBe('second');
    expect(recent.get({ street: 'b', house: 1 })).toBeUndefined();
  });

  it('is forgotten when others came since, the oldest first', () => {
    const recent = new Recent<Place, number>(2, isSame);
    for (const house of [1, 2, 3]) recent.set({ street: 'a', house }, house);
    expect([1, 2, 3].map((house) => recent.get({ street: 'a', house }))).toEqual([undefined, 2, 3]);
  });

  it('is never that of another key', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 })), fc.integer({ min: 1, max: 8 }), (houses, size) => {
        const recent = new Recent<Place, number>(size, isSame);
        for (const house of houses) {
          const place = { street: 'a', house };
          const found = recent.get(place);
          if (found === undefined) recent.set(place, house);
          else expect(found).toBe(house);
          expect(recent.get(place)).toBe(house);
        }
      }),
    );
  });
});
