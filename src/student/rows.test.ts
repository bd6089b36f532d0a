import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPredictionRows, loadTrainingRows } from './index.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'student-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const written = async (content: string) => {
  const file = join(folder, 'rows.jsonl');
  await writeFile(file, content);
  return file;
};

describe('rows', () => {
  it('reads texts with labels, past a byte order mark, blank lines and keys that it does not know', async () => {
    const file = await written('\uFEFF{"text":"a","label":"x","id":3}\r\n\n{"text":"","label":" y "}\n');
    expect(await loadTrainingRows(file)).toEqual([
      { text: 'a', label: 'x' },
      { text: '', label: ' y ' },
    ]);
  });

  it('keeps apart a gold label that is absent and one that is null', async () => {
    const file = await written('{"id":1,"text":"a"}\n{"id":"b","text":"b","label":null}\n{"text":"c","label":"z"}');
    expect(await loadPredictionRows(file)).toEqual([
      { id: 1, text: 'a' },
      { id: 'b', text: 'b', label: null },
      { text: 'c', label: 'z' },
    ]);
  });

  it.each([
    ['{"text":"a"}', '"label" is missing'],
    ['{"label":"a"}', '"text" is missing'],
    ['{"text":5,"label":"a"}', '"text" must be a text, not 5'],
    ['{"text":"a","label":["b"]}', '"label" must be a text that is not blank, not a list'],
    ['{"text":"a","label":" "}', '"label" must be a text that is not blank, not " "'],
    ['{"text":"a","label":null}', '"label" must be a text that is not blank, not null'],
    ['["a"]', 'a row must be a JSON object'],
    ['{"text":', 'this line is not JSON'],
  ])('says where and what is wrong with %s', async (line, message) => {
    const file = await written(`{"text":"fine","label":"x"}\n\n${line}\n`);
    const error: unknown = await loadTrainingRows(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', position: { file, line: 3 } });
    expect((error as Error).message).toContain(message);
  });

  it('says so when there is no file and when there are no rows', async () => {
    await expect(loadPredictionRows(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(loadPredictionRows(await written('\n \n'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
