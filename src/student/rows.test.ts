import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPredictionRows, loadTrainingRows, loadTrainingSet } from './index.ts';

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
      { id: 3, text: 'a', label: 'x' },
      { text: '', label: ' y ' },
    ]);
  });

  it.each([
    [
      'classifier',
      '{"text":"a","label":"x"}\n{"text":"b","label":null,"conversation":"c1"}',
      [
        { text: 'a', label: 'x' },
        { text: 'b', label: null, group: 'c1' },
      ],
    ],
    [
      'multilabel',
      '{"text":"a","labels":["y","x","y"]}\n{"text":"b","labels":[]}',
      [
        { text: 'a', labels: ['x', 'y'] },
        { text: 'b', labels: [] },
      ],
    ],
    [
      'extractor',
      '{"text":"a b","fields":{"one":"a","many":["a","b"],"none":null,"empty":[]}}\n{"text":"c","fields":{},"group":7}',
      [
        { text: 'a b', fields: { one: 'a', many: ['a', 'b'] } },
        { text: 'c', fields: {}, group: '7' },
      ],
    ],
    [
      'scorer',
      '{"text":"a","value":3}\n{"text":"b","value":-0.5,"id":"r2"}',
      [
        { text: 'a', value: 3 },
        { id: 'r2', text: 'b', value: -0.5 },
      ],
    ],
  ] as const)('knows by its rows that a file trains a %s', async (kind, content, rows) => {
    expect(await loadTrainingSet(await written(content))).toEqual({ kind, rows });
  });

  it('takes the kind that is named where rows could train several', async () => {
    const file = await written('{"text":"a","label":"x","value":1}\n{"text":"b","label":"y","value":2}');
    expect(await loadTrainingSet(file, 'scorer')).toEqual({
      kind: 'scorer',
      rows: [
        { text: 'a', value: 1 },
        { text: 'b', value: 2 },
      ],
    });
    await expect(loadTrainingSet(file)).rejects.toThrow(
      'the row has "label" and "value": say by --kind what is to be learnt (classifier or scorer)',
    );
  });

  it.each([
    ['{"text":"b","label":"y"}', '"labels" is missing: this row has "label", the row on line 1 has "labels"; one file trains one kind'],
    ['{"text":"b","labels":"y"}', '"labels" must be a list of texts, not "y"'],
    ['{"text":"b","labels":["y",4]}', '"labels" must be a text that is not blank, not 4'],
  ])('refuses %s among rows of several labels', async (line, message) => {
    const file = await written(`{"text":"a","labels":["x"]}\n${line}`);
    const error: unknown = await loadTrainingSet(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message, position: { file, line: 2 } });
  });

  it.each([
    ['extractor', '{"text":"a","fields":["x"]}', '"fields" must be an object of texts, not a list'],
    ['extractor', '{"text":"a","fields":{"total":9.5}}', '"fields.total" must be a text or a list of texts, not 9.5'],
    [
      'extractor',
      '{"text":"a","fields":null}',
      '"fields" is null, and an extractor learns nothing from such a row; write {} where there is nothing to extract',
    ],
    ['scorer', '{"text":"a","value":"3"}', '"value" must be a number, not "3"'],
    ['scorer', '{"text":"a","value":1,"conversation":""}', '"conversation" must be a text that is not blank, not ""'],
    ['scorer', '{"text":"a","value":1,"frontier":{"answer":1,"quality":2}}', '"frontier.quality" must lie in 0…1, not 2'],
  ] as const)('refuses for a %s %s', async (kind, line, message) => {
    await expect(loadTrainingSet(await written(line), kind)).rejects.toThrow(message);
  });

  it('reads what the frontier answered, as it stands or described', async () => {
    const file = await written(
      '{"text":"a","frontier":"x"}\n{"text":"b","big":{"answer":"y","quality":0.5,"costUsd":0.01,"latencyMs":800}}\n{"text":"c","frontier":{"quality":1}}',
    );
    expect(await loadPredictionRows(file)).toEqual([
      { text: 'a', frontier: { answer: 'x' } },
      { text: 'b', frontier: { answer: 'y', quality: 0.5, costUsd: 0.01, latencyMs: 800 } },
      { text: 'c', frontier: { answer: null, quality: 1 } },
    ]);
    const asRows =
      '{"text":"a","frontier":{"label":"x"}}\n{"text":"b","frontier":{"labels":["x"],"costUsd":0.1}}\n{"text":"c","frontier":{"fields":{"city":"Bonn"}}}';
    expect((await loadPredictionRows(await written(asRows))).map(({ frontier }) => frontier)).toEqual([
      { answer: 'x' },
      { answer: ['x'], costUsd: 0.1 },
      { answer: { city: 'Bonn' } },
    ]);
    expect(await loadPredictionRows(await written('{"text":"a","frontier":{"city":"Bonn"}}'), 'extractor')).toEqual([
      { text: 'a', frontier: { answer: { city: 'Bonn' } } },
    ]);
  });

  it('looks at no gold answer but that of the kind', async () => {
    const file = await written('{"text":"a","label":5,"labels":null}\n{"text":"b","value":"none"}');
    expect(await loadPredictionRows(file, 'multilabel')).toEqual([{ text: 'a', labels: null }, { text: 'b' }]);
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
