import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_LINE } from './read-lines.ts';
import { countRows, inputVersion, readRows } from './read-rows.ts';
import type { InputRow } from './types.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rows-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function rowsOf(path: string): Promise<readonly InputRow[]> {
  const rows: InputRow[] = [];
  for await (const block of readRows(path)) rows.push(...block);
  return rows;
}

const textsOf = async (path: string) => (await rowsOf(path)).map(({ id, input }) => [id, input.text]);
const countOf = async (path: string, sample: number) => (await countRows(path, sample, () => {})).rows;

describe('JSON Lines', () => {
  it('ends rows at line feeds only, drops a byte order mark and blank lines, and knows the line of each row', async () => {
    const path = put('in.jsonl', '\uFEFF{"id":"a","text":"one\u2028two"}\r\n\r\n  \n"just text"\n{"text":"last"}');
    expect(await rowsOf(path)).toEqual([
      { ordinal: 0, line: 1, id: 'a', input: { id: 'a', text: 'one\u2028two' }, problem: null },
      { ordinal: 1, line: 4, id: 2, input: { text: 'just text' }, problem: null },
      { ordinal: 2, line: 5, id: 3, input: { text: 'last' }, problem: null },
    ]);
  });

  it('tells what is wrong with a row, and reads on', async () => {
    const rows = await rowsOf(put('in.jsonl', '{"text":\n[1]\nnull\n{"text":"good"}\n'));
    expect(rows.map(({ line, problem }) => [line, problem?.split(':')[0] ?? null])).toEqual([
      [1, 'the line is not JSON'],
      [2, 'a row must be a JSON object with "text", or a text'],
      [3, 'a row must be a JSON object with "text", or a text'],
      [4, null],
    ]);
  });

  it('keeps an id of more digits than a number holds', async () => {
    const path = put('in.jsonl', '{"id":1234567890123456789,"text":"a"}\n{"text":"b","id": 42}\n');
    expect(await textsOf(path)).toEqual([
      ['1234567890123456789', 'a'],
      [42, 'b'],
    ]);
  });

  it('skips a line that would fill the memory, and reads on', async () => {
    const path = put('in.jsonl', `{"text":"a"}\n{"text":"${'x'.repeat(MAX_LINE + 100_000)}"}\n{"text":"b"}\n`);
    expect((await rowsOf(path)).map(({ line, input, problem }) => [line, input.text, problem])).toEqual([
      [1, 'a', null],
      [2, undefined, `the line is longer than ${MAX_LINE} bytes`],
      [3, 'b', null],
    ]);
    expect(await countOf(path, 1)).toBe(3);
  });

  it('counts the rows that it reads, however much of them is looked at', async () => {
    const line = fc.oneof(
      fc.constant(''),
      fc.constant(' \t'),
      fc.string().map((text) => JSON.stringify({ text })),
      fc.constant('{'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), fc.integer({ min: 1, max: 40 }), async (lines, isEnded, sample) => {
        const path = put('some.jsonl', `${lines.join('\n')}${isEnded ? '\n' : ''}`);
        const found = (await rowsOf(path)).length;
        expect([found, await countOf(path, sample)]).toEqual(Array(2).fill(lines.filter((text) => text.trim() !== '').length));
      }),
      { numRuns: 60 },
    );
  });

  it('is read from .gz, and a torn one is a wrong input', async () => {
    const whole = gzipSync(Array.from({ length: 5_000 }, (_, i) => `{"id":${i},"text":"t${(i * 7919) % 5_000}"}\n`).join(''));
    expect(await textsOf(put('in.jsonl.gz', whole))).toHaveLength(5_000);
    const torn = put('torn.jsonl.gz', whole.subarray(0, whole.length - 2_000));
    await expect(rowsOf(torn)).rejects.toMatchObject({ code: 'INPUT_INVALID', position: { file: torn } });
    await expect(countOf(torn, 1)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('CSV', () => {
  it('keeps quotes and line breaks, drops a byte order mark, and knows the line that each row begins on', async () => {
    const path = put('in.csv', '\uFEFFid,text,lang\r\n1,"say ""hi"",\nplease",en\r\n\r\n2,plain,de\r\n');
    expect(await rowsOf(path)).toEqual([
      { ordinal: 0, line: 2, id: '1', input: { id: '1', text: 'say "hi",\nplease', lang: 'en' }, problem: null },
      { ordinal: 1, line: 5, id: '2', input: { id: '2', text: 'plain', lang: 'de' }, problem: null },
    ]);
    expect(await countOf(path, 1)).toBe(2);
  });

  it('tells a row with too few or too many fields, and reads on', async () => {
    const rows = await rowsOf(put('in.csv', 'id,text\n1\n2,b,c\n3,good\n'));
    expect(rows.map(({ line, input, problem }) => [line, input.text, problem !== null])).toEqual([
      [2, undefined, true],
      [3, undefined, true],
      [4, 'good', false],
    ]);
  });

  it('is refused where a quote is broken, with the place', async () => {
    const path = put('in.csv', 'id,text\n1,good\n2,"never\nends\n');
    await expect(rowsOf(path)).rejects.toMatchObject({ code: 'INPUT_INVALID', position: { file: path } });
  });

  it('is read with tabs, and from .gz', async () => {
    expect(await textsOf(put('in.tsv.gz', gzipSync('id\ttext\n7\ta, b\n')))).toEqual([['7', 'a, b']]);
  });
});

describe('Parquet', () => {
  it('gives rows with numbers and texts, and their count', async () => {
    const path = join(folder, 'in.parquet');
    const size = 5_000;
    const columnData = [
      { name: 'id', data: Array.from({ length: size }, (_, i) => BigInt(i)), type: 'INT64' as const },
      { name: 'text', data: Array.from({ length: size }, (_, i) => `text ${i}`), type: 'STRING' as const },
    ];
    writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData })));
    const rows = await rowsOf(path);
    expect([rows.length, rows.at(-1), await countOf(path, 10)]).toEqual([
      size,
      { ordinal: size - 1, line: null, id: size - 1, input: { id: size - 1, text: `text ${size - 1}` }, problem: null },
      size,
    ]);
  });

  it('is refused where it is none', async () => {
    await expect(rowsOf(put('in.parquet', 'not a parquet file'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('a folder', () => {
  it('is a row for each file, in the order of the names, without hidden ones', async () => {
    mkdirSync(join(folder, 'b'));
    mkdirSync(join(folder, '.git'));
    for (const name of ['c.txt', 'a.txt', 'b/z.txt', 'b/y.txt', '.hidden', '.git/x']) put(name, `of ${name}`);
    expect(await textsOf(folder)).toEqual(['a.txt', 'b/y.txt', 'b/z.txt', 'c.txt'].map((id) => [id, `of ${id}`]));
    expect(await countOf(folder, 1)).toBe(4);
  });

  it('is another input once a file in it is another', async () => {
    const path = put('a.txt', 'one');
    put('b.txt', 'two');
    utimesSync(path, 1_000, 1_000);
    const before = await inputVersion(folder);
    expect(await inputVersion(folder)).toBe(before);
    utimesSync(path, 1_000, 1_001);
    const touched = await inputVersion(folder);
    put('c.txt', '');
    expect(new Set([before, touched, await inputVersion(folder)]).size).toBe(3);
  });
});

describe('an input', () => {
  it('may be empty', async () => {
    expect([await rowsOf(put('in.jsonl', '')), await countOf(put('in.csv', ''), 5)]).toEqual([[], 0]);
  });

  it('is refused where it is not there or nobody knows its format', async () => {
    await expect(rowsOf(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(rowsOf(put('in.pdf', ''))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
