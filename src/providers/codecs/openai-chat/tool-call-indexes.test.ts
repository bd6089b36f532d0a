import { describe, expect, it } from 'vitest';
import { ToolCallIndexes } from './tool-call-indexes.ts';

/** Places deltas of [wire index, id, name, arguments], and returns the calls that they add up to. */
function calls(deltas: readonly (readonly [number | undefined, string | null, string | null, string])[]): unknown[] {
  const indexes = new ToolCallIndexes();
  const found: { id: string | null; name: string | null; arguments: string }[] = [];
  for (const [index, id, name, text] of deltas) {
    const placed = indexes.place(index, id, name, text);
    found[placed.index] ??= { id: null, name: null, arguments: '' };
    const call = found[placed.index]!;
    call.id ??= placed.id;
    call.name ??= placed.name;
    call.arguments += text;
  }
  return found.map((call) => [call.id, call.name, call.arguments]);
}

describe('ToolCallIndexes', () => {
  it('follows honest indexes, also when calls are mixed', () => {
    const deltas = [
      [0, 'a', 'f', ''],
      [1, 'b', 'g', ''],
      [0, null, null, '{}'],
      [1, null, null, '{"x":1}'],
    ] as const;
    expect(calls(deltas)).toEqual([
      ['a', 'f', '{}'],
      ['b', 'g', '{"x":1}'],
    ]);
  });

  it('tells calls apart by id or name where the index is missing or used twice', () => {
    for (const index of [undefined, 0]) {
      expect(
        calls([
          [index, 'a', 'f', '{}'],
          [index, 'b', 'f', '{}'],
        ]),
      ).toEqual([
        ['a', 'f', '{}'],
        ['b', 'f', '{}'],
      ]);
      expect(
        calls([
          [index, null, 'f', '{}'],
          [index, null, 'f', '{}'],
        ]),
      ).toEqual([
        [null, 'f', '{}'],
        [null, 'f', '{}'],
      ]);
      expect(
        calls([
          [index, null, 'f', ''],
          [index, null, 'g', '{}'],
        ]),
      ).toEqual([
        [null, 'f', ''],
        [null, 'g', '{}'],
      ]);
    }
    expect(
      calls([
        [undefined, 'a', 'f', '{'],
        [undefined, null, null, '}'],
      ]),
    ).toEqual([['a', 'f', '{}']]);
  });

  it('keeps one call whole whose id or name is repeated, late, or made up anew for each delta', () => {
    expect(
      calls([
        [0, 'a', 'f', '{'],
        [0, 'a', 'f', '"x":'],
        [0, 'a', null, '1}'],
      ]),
    ).toEqual([['a', 'f', '{"x":1}']]);
    expect(
      calls([
        [0, null, 'f', '{'],
        [0, null, 'f', '}'],
      ]),
    ).toEqual([[null, 'f', '{}']]);
    expect(
      calls([
        [0, null, 'f', ''],
        [0, 'a', null, '{}'],
      ]),
    ).toEqual([['a', 'f', '{}']]);
    expect(
      calls([
        [0, 'a', 'f', '{'],
        [0, 'b', null, '}'],
      ]),
    ).toEqual([['a', 'f', '{}']]);
  });
});
