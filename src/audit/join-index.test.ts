import { expect, it } from 'vitest';
import { JoinIndex } from './join-index.ts';

it('gives back what was put in, from memory and from disk', () => {
  const index = new JoinIndex(['in.jsonl']);
  const text = 'x'.repeat(3_000);
  // 12 MB: three times what is kept in memory.
  for (let row = 0; row < 4_000; row++) index.add(`key ${row % 2_000}`, { row, text }, { file: 0, line: row + 1 });
  index.add('large', { text: 'y'.repeat(6_000_000) }, { file: 0, line: 4_001 });
  index.add('last', { row: -1 }, { file: 0, line: 4_002 });
  try {
    expect(index.every('key 7').map(({ row }) => row)).toEqual([7, 2_007]);
    expect([index.take('key 1999', 0)?.row, index.take('key 1999', 0)?.row, index.take('key 1999', 0)]).toEqual([1_999, 3_999, null]);
    expect([String(index.take('large', 0)?.text).length, index.take('last', 0)?.row, index.take('none', 0)]).toEqual([6_000_000, -1, null]);
    expect([...index.usedByFile()]).toEqual([[0, 6]]);
    expect([...index.orphans()].length).toBe(3_996);
  } finally {
    index.close();
  }
});
