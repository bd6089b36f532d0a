import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { runStudentCurve } from './student-curve.ts';
import { runStudentExplain, runStudentShow } from './student-explain.ts';
import { runStudentPredict } from './student-predict.ts';
import { runStudentTrain, type StudentTrainOptions } from './student-train.ts';

const training = [
  'refund my money',
  'I want a refund',
  'money back please',
  'where is my parcel',
  'parcel not delivered',
  'delivery is late',
].map((text, index) => ({ text, label: index < 3 ? 'refund' : 'shipping' }));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'student-cli-'));
  await rows('train.jsonl', training);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function rows(name: string, content: readonly object[]): Promise<void> {
  await writeFile(join(folder, name), content.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function lines(name: string): unknown[] {
  return readFileSync(join(folder, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A terminal that keeps what it is given. */
function terminal(signal = new AbortController().signal) {
  const documents: Record<string, unknown>[] = [];
  const said: string[] = [];
  const notes: string[] = [];
  const phases: string[] = [];
  const io: CommandIo = {
    out: (text) => void said.push(text),
    json: (document) => void documents.push(JSON.parse(JSON.stringify(document))),
    note: (text) => void notes.push(text),
    progress: (label) => {
      phases.push(label);
      return { advance: () => {}, end: () => void phases.push(`end ${label}`) };
    },
    env: {},
    cwd: folder,
    signal,
    width: 120,
  };
  return { io, documents, said, notes, phases };
}

const train = (io: CommandIo, options: Partial<StudentTrainOptions> = {}) =>
  runStudentTrain({ data: ['train.jsonl'], out: 'student', mode: 'default', seed: 1, json: true, ...options }, io);

const predict = (io: CommandIo, options: object = {}) =>
  runStudentPredict({ student: 'student', data: 'test.jsonl', json: true, ...options }, io);

describe('smallfirst student train', () => {
  it('prints one document, shows each phase, and says that a class has few rows', async () => {
    const { io, documents, said, phases, notes } = terminal();
    expect(await train(io)).toBe(0);
    expect(documents).toEqual([
      { student: join(folder, 'student'), ...JSON.parse(readFileSync(join(folder, 'student/student.json'), 'utf8')) },
    ]);
    expect(said).toEqual([]);
    expect(phases).toEqual(['scan', 'end scan', 'cross-validate', 'end cross-validate', 'fit', 'end fit']);
    expect(notes).toEqual([expect.stringMatching(/^The rarest label has 3 rows; below about 20 per label/)]);
  });

  it('chooses the mode by cross-validation where that is asked', async () => {
    const { io, documents, phases } = terminal();
    await runStudentTrain({ data: ['train.jsonl'], out: 'student', mode: 'auto', seed: 1, json: true }, io);
    expect(documents[0]?.candidates).toEqual([
      expect.objectContaining({ mode: 'default', reads: 'text' }),
      expect.objectContaining({ mode: 'quality', reads: 'text' }),
    ]);
    expect(phases.filter((phase) => !phase.startsWith('end'))).toEqual([
      ...['scan', 'cross-validate', 'fit'].map((phase) => `default: ${phase}`),
      ...['scan', 'cross-validate', 'fit'].map((phase) => `quality: ${phase}`),
    ]);
  });

  it('says of a student that it could take nothing over, and refuses it with exit code 1 and nothing written where that is asked', async () => {
    const noise = Array.from({ length: 200 }, (_, i) => ({
      text: `word${(i * 37) % 11} word${(i * 17) % 13}`,
      label: `l${(i * i + (i >> 2)) % 3}`,
    }));
    await rows('noise.jsonl', noise);
    const { io, documents } = terminal();
    expect(await train(io, { data: ['noise.jsonl'], refuse: true })).toBe(1);
    expect(existsSync(join(folder, 'student'))).toBe(false);
    expect(documents[0]).toMatchObject({ student: null, outlook: { verdict: 'none', against: 'perfect', units: 200 } });
    expect(await train(io, { data: ['noise.jsonl'] })).toBe(0);
    expect(readdirSync(join(folder, 'student'))).toEqual(['model.bin', 'student.json']);
    const plain = terminal();
    expect(await train(plain.io, { data: ['noise.jsonl'], json: false, refuse: true })).toBe(1);
    expect(plain.said[0]).toContain('This student would not pass a floor of 0.98 (level 0.95)');
    expect(plain.said[0]).toContain('Nothing was written: the task keeps its model.');
  });

  it('goes on from a student that kept its rows, correcting what it is given again', async () => {
    const { io, documents } = terminal();
    await train(io, { keepRows: true });
    await rows('more.jsonl', [
      { text: 'delivery is late', label: 'refund' },
      { text: 'send it back', label: 'refund' },
    ]);
    expect(await train(io, { data: ['more.jsonl'], from: 'student' })).toBe(0);
    expect(documents[1]).toMatchObject({ rows: 7, rowsFile: 'rows.jsonl', from: { rows: 6, added: 1, replaced: 1 } });
    expect(lines('student/rows.jsonl').slice(-2)).toEqual([
      { text: 'delivery is late', label: 'refund' },
      { text: 'send it back', label: 'refund' },
    ]);
  });

  it('goes on from a student that kept none when its rows are given first, and refuses otherwise', async () => {
    const { io, documents } = terminal();
    await train(io);
    await rows('more.jsonl', [{ text: 'send it back', label: 'refund' }]);
    await expect(train(io, { data: ['more.jsonl'], from: 'student' })).rejects.toMatchObject({ code: 'USAGE' });
    await train(io, { data: ['train.jsonl', 'more.jsonl'], from: 'student', out: 'next' });
    expect(documents[1]).toMatchObject({ rows: 7, rowsFile: null, from: { rows: 6, added: 1, replaced: 0 } });
    await rows('scores.jsonl', [
      { text: 'a', value: 1 },
      { text: 'b', value: 2 },
    ]);
    await expect(train(io, { data: ['scores.jsonl'], from: 'student' })).rejects.toThrow(
      /is of kind classifier; the rows are for a scorer/,
    );
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const { io } = terminal(AbortSignal.abort());
    await expect(train(io)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder)).toEqual(['train.jsonl']);
  });
});

describe('smallfirst student predict', () => {
  it('scores, and writes one row per input row with its id, whatever the gold label is', async () => {
    const { io, documents } = terminal();
    await train(io);
    await rows('test.jsonl', [
      { id: 'a', text: 'a refund', label: 'refund' },
      { text: 'the parcel', label: 'unheard of' },
      { id: 3, text: 'parcel delivery' },
      { id: 4, text: 'zzz', label: null },
    ]);
    expect(await predict(io, { rows: 'out/rows.jsonl' })).toBe(0);
    const certainty = { confidence: expect.any(Number), inScope: expect.any(Number), outOfScope: expect.any(Boolean) };
    expect(lines('out/rows.jsonl')).toEqual([
      { id: 'a', label: 'refund', ...certainty },
      { label: 'shipping', ...certainty },
      { id: 3, label: 'shipping', ...certainty },
      { id: 4, label: expect.any(String), ...certainty },
    ]);
    expect(readdirSync(join(folder, 'out'))).toEqual(['rows.jsonl']);
    expect(documents[1]).toMatchObject({ n: 4, labelled: 3, inScope: 1, outOfScope: 2, accuracy: 1 });
    expect(documents[1]?.outOfScopeAuroc).toEqual(expect.any(Number));
    expect(Object.keys(documents[1]!)).toEqual(
      'student kind n labelled inScope outOfScope accuracy macroF1 ece aurc coverage95 coverage98 oracleThreshold95 oracleThreshold98 outOfScopeAuroc outOfScopeRecall falseAlarms latencyUs'.split(
        ' ',
      ),
    );
  });

  it('predicts without gold labels, with scores of null', async () => {
    const { io, documents } = terminal();
    await train(io);
    await rows('test.jsonl', [{ text: 'money' }]);
    await predict(io);
    const none = { accuracy: null, macroF1: null, ece: null, aurc: null, coverage95: null, coverage98: null, outOfScopeAuroc: null };
    expect(documents[1]).toMatchObject({ n: 1, labelled: 0, ...none });
  });

  it('writes pairs that certify reads, scored by gold where there is one and by agreement elsewhere', async () => {
    const { io, notes } = terminal();
    await train(io);
    await rows('test.jsonl', [
      { id: 'a', text: 'refund my money', label: 'refund', frontier: { answer: 'Refund.', costUsd: 0.002, latencyMs: 900 } },
      { id: 'b', text: 'where is my parcel', label: 'shipping', big: 'refund', conversation: 'c' },
      { id: 'c', text: 'delivery is late', frontier: 'refund' },
      { id: 'd', text: 'what is the weather', label: null, frontier: 'none of these' },
      { id: 'e', text: 'no frontier here', label: 'refund' },
    ]);
    notes.length = 0;
    expect(await predict(io, { pairs: 'pairs.jsonl', costUsd: 0.00001 })).toBe(0);
    const small = (quality: number) => ({ quality, confidence: expect.any(Number), costUsd: 0.00001, latencyMs: expect.any(Number) });
    expect(lines('pairs.jsonl')).toEqual([
      { id: 'a', small: small(1), big: { quality: 1, costUsd: 0.002, latencyMs: 900 }, by: 'label' },
      { id: 'b', small: small(1), big: { quality: 0 }, cluster: 'c', by: 'label' },
      { id: 'c', small: small(0), big: { quality: 1 }, by: 'agreement' },
      { id: 'd', small: small(0), big: { quality: 1 }, by: 'label' },
    ]);
    expect(notes).toEqual([
      '4 pairs in pairs.jsonl; quality of 1 of them by agreement with the frontier: a certificate from these keeps its answers, right or wrong. 1 row without a frontier answer was left out.',
    ]);
    await rows('test.jsonl', [{ text: 'refund', label: 'refund' }]);
    await expect(predict(io, { pairs: 'none.jsonl' })).rejects.toThrow(/no row has a recorded frontier answer/);
    expect(existsSync(join(folder, 'none.jsonl'))).toBe(false);
  });

  it('says it in words without --json', async () => {
    const { io, said } = terminal();
    await train(io, { json: false });
    await predict(io, { data: 'train.jsonl', json: false });
    expect(said[0]).toMatch(/^Trained a classifier on 6 rows, 2 labels, in \d/);
    expect(said[0]).toContain('Too few rows to say whether it could pass a floor of 0.98: 6, and 149 are the fewest');
    expect(said[1]).toMatch(/^6 rows answered, 6 with a gold answer\./);
  });

  it('writes nothing when a row is wrong', async () => {
    const { io, documents } = terminal();
    await train(io);
    await writeFile(join(folder, 'bad.jsonl'), `${readFileSync(join(folder, 'train.jsonl'), 'utf8')}{"text":7,"label":"refund"}`);
    const wrong = { code: 'INPUT_INVALID', position: { file: join(folder, 'bad.jsonl'), line: 7 } };
    await expect(train(io, { data: ['bad.jsonl'], out: 'other' })).rejects.toMatchObject(wrong);
    await expect(predict(io, { data: 'bad.jsonl', rows: 'rows.jsonl' })).rejects.toMatchObject(wrong);
    expect([existsSync(join(folder, 'other')), existsSync(join(folder, 'rows.jsonl')), documents.length]).toEqual([false, false, 1]);
  });
});

const cities = ['Bonn', 'Paris', 'Rome', 'Oslo', 'Lima'];
const days = ['monday', 'tuesday', 'friday', 'sunday'];

/** Rows of the other kinds, with what a good student says of the last text. */
const others = {
  multilabel: {
    rows: Array.from({ length: 60 }, (_, i) => {
      const labels = [...(i % 2 === 0 ? ['billing'] : []), ...(i % 3 === 0 ? ['urgent'] : [])];
      const text = `case ${i % 7}${i % 2 === 0 ? ' the invoice is wrong' : ' hello'}${i % 3 === 0 ? ' answer me right now' : ''}`;
      return { text, labels };
    }),
    text: 'the invoice is wrong answer me right now',
    said: { labels: ['billing', 'urgent'] },
    scores: ['microF1', 'macroF1', 'subsetAccuracy'],
  },
  extractor: {
    rows: Array.from({ length: 80 }, (_, i) => {
      const [city, day] = [cities[i % 5]!, days[(i * 7) % 4]!];
      return i % 4 === 3
        ? { text: `book a train to ${city}`, fields: { city } }
        : { text: `book a train to ${city} on ${day} please`, fields: { city, day } };
    }),
    text: 'book a train to Oslo on friday please',
    said: { fields: { city: 'Oslo', day: 'friday' } },
    scores: ['microF1', 'recordExact'],
  },
  scorer: {
    rows: Array.from({ length: 60 }, (_, i) => {
      const value = (i % 3) + 1;
      return { text: `${['this is terrible and broken', 'it is okay I guess', 'great product love it'][value - 1]} ${i % 5}`, value };
    }),
    text: 'great product love it',
    said: { value: 3 },
    scores: ['mae', 'rmse', 'tolerance'],
  },
} as const;

describe.each(Object.entries(others))('a student of kind %s', (kind, { rows: given, text, said, scores }) => {
  it('is trained, shown, asked and explained from the command line', async () => {
    await rows('train.jsonl', given);
    await rows('test.jsonl', [{ id: 'x', text, ...said, frontier: Object.values(said)[0] }]);
    const { io, documents } = terminal();
    expect(await runStudentTrain({ data: ['train.jsonl'], out: 'student', seed: 1, json: true }, io)).toBe(0);
    expect(documents[0]).toMatchObject({ kind, crossValidation: { accuracy: expect.any(Number), ece: expect.any(Number) } });
    expect(await predict(io, { rows: 'rows.jsonl', pairs: 'pairs.jsonl' })).toBe(0);
    expect(lines('rows.jsonl')).toEqual([
      { id: 'x', ...said, confidence: expect.any(Number), inScope: expect.any(Number), outOfScope: false },
    ]);
    expect(lines('pairs.jsonl')).toMatchObject([{ id: 'x', small: { quality: 1 }, big: { quality: 1 }, by: 'label' }]);
    expect(documents[1]).toMatchObject({ kind, accuracy: 1, ...Object.fromEntries(scores.map((name) => [name, expect.any(Number)])) });
    await runStudentExplain({ student: 'student', text, count: 5, json: true }, io);
    expect(documents[2]?.prediction).toMatchObject(said);
    expect(documents[2]?.reasons).toContainEqual(
      expect.objectContaining({ feature: expect.any(String), contribution: expect.any(Number) }),
    );
    await runStudentShow({ dir: 'student', json: true }, io);
    expect(documents[3]).toMatchObject({ kind, student: documents[1]?.student });
  });

  it('has a learning curve, drawn where that is asked for', async () => {
    await rows('train.jsonl', given);
    const { io, documents, said: words } = terminal();
    expect(await runStudentCurve({ data: 'train.jsonl', seed: 1, svg: 'curve.svg', json: true }, io)).toBe(0);
    const points = documents[0]?.points as { rows: number; accuracy: number }[];
    expect(points.length).toBeGreaterThan(1);
    expect(points.map((point) => point.rows)).toEqual(points.map((point) => point.rows).sort((a, b) => a - b));
    expect(readFileSync(join(folder, 'curve.svg'), 'utf8')).toMatch(/^<svg .*<polyline .*<\/svg>\n$/);
    await runStudentCurve({ data: 'train.jsonl', seed: 1, json: false }, io);
    expect(words[0]).toMatch(/labels (are|were) worth/);
  });
});
