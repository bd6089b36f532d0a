import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSet, readSet } from './index.ts';

const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('a set', () => {
  const label = { kind: 'label', labels: ['card', 'loan'] } as const;
  const file = async (text: string) => {
    const path = join(await mkdtemp(join(tmpdir(), 'set-')), 'set.jsonl');
    await writeFile(path, text);
    return path;
  };

  it('takes texts, inputs and messages, and numbers rows that have no id', async () => {
    const path = await file(
      `${jsonl([{ text: 'a', label: 'card' }])}\n${jsonl([
        { id: 7, input: 'b', expected: 'Loan', cluster: 3 },
        { messages: [{ role: 'user', content: 'c' }], expected: 'card' },
      ])}`,
    );
    const items = [];
    for await (const item of readSet(path, label)) items.push({ ...item, hash: item.hash.length });
    expect(items).toEqual([
      { id: '1', line: 1, input: 'a', messages: null, expected: 'card', cluster: null, hash: 64 },
      { id: '7', line: 3, input: 'b', messages: null, expected: 'Loan', cluster: '3', hash: 64 },
      {
        id: '4',
        line: 4,
        input: null,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'c' }] }],
        expected: 'card',
        hash: 64,
        cluster: null,
      },
    ]);
    expect(await checkSet(path, label)).toMatchObject({ items: 3, hasGold: true, hasClusters: true });
    expect(await checkSet(path, label, 1)).toMatchObject({ items: 1, hasClusters: false });
  });

  it.each([
    ['{"text": "a"', 2, 'This line is not valid JSON.'],
    ['[1]', 2, 'A row must be a JSON object.'],
    ['{"expected": "card"}', 2, 'A row needs one of "text", "input" and "messages", and this one has 0.'],
    ['{"text": "a", "input": "b"}', 2, 'A row needs one of "text", "input" and "messages", and this one has 2.'],
    ['{"text": 5, "expected": "card"}', 2, '"text" must be a text.'],
    ['{"messages": [{"role": "boss", "content": "x"}]}', 2, 'The "role" of a message must be system, user or assistant.'],
    ['{"id": {}, "text": "a"}', 2, '"id" must be a text or a number.'],
    ['{"id": "first", "text": "a", "expected": "card"}', 2, 'The id "first" stands in line 1 already; every row needs its own.'],
    ['{"text": "a"}', 2, 'This row has no "expected" and the rows before have one; give it to all or to none.'],
    ['{"text": "a", "expected": "cards"}', 2, '"expected" is "cards", which is not a label of the task: card, loan.'],
  ])('names the line of a malformed row: %s', async (row, line, message) => {
    const path = await file(`${JSON.stringify({ id: 'first', text: 'x', expected: 'card' })}\n${row}\n`);
    await expect(checkSet(path, label)).rejects.toMatchObject({ code: 'INPUT_INVALID', message, position: { file: path, line } });
  });

  it('is split at line feeds only, whatever its texts hold', async () => {
    const path = await file(`\uFEFF{"id": 1, "text": "a\u2028b\u0085c"}\r\n{"id": 2, "text": "d"}`);
    const items = [];
    for await (const { id, input } of readSet(path, label)) items.push([id, input]);
    expect(items).toEqual([
      ['1', 'a\u2028b\u0085c'],
      ['2', 'd'],
    ]);
  });

  it('that is empty or not there is an error', async () => {
    await expect(checkSet(await file('\n\n'), label)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(checkSet('/nowhere.jsonl', label)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});
