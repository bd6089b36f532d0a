import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { runStudentPredict, runStudentTrain } from './student.ts';

const training = [
  'refund my money',
  'I want a refund',
  'money back please',
  'where is my parcel',
  'parcel not delivered',
  'delivery is late',
]
  .map((text, index) => JSON.stringify({ text, label: index < 3 ? 'refund' : 'shipping' }))
  .join('\n');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'student-cli-'));
  await writeFile(join(folder, 'train.jsonl'), training);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A terminal that keeps what it is given. */
function terminal(): { readonly io: CommandIo; readonly documents: unknown[]; readonly said: string[]; readonly phases: string[] } {
  const documents: unknown[] = [];
  const said: string[] = [];
  const phases: string[] = [];
  const io: CommandIo = {
    out: (text) => void said.push(text),
    json: (document) => void documents.push(JSON.parse(JSON.stringify(document))),
    note: () => {},
    progress: (label) => {
      phases.push(label);
      return { advance: () => {}, end: () => void phases.push(`end ${label}`) };
    },
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  return { io, documents, said, phases };
}

const train = (io: CommandIo) => runStudentTrain({ data: 'train.jsonl', out: 'student', seed: 1, json: true }, io);

describe('smallfirst student', () => {
  it('trains, printing one document, and shows each phase', async () => {
    const { io, documents, said, phases } = terminal();
    expect(await train(io)).toBe(0);
    expect(documents).toEqual([
      { student: join(folder, 'student'), ...JSON.parse(readFileSync(join(folder, 'student/student.json'), 'utf8')) },
    ]);
    expect(said).toEqual([]);
    expect(phases).toEqual(['scan', 'end scan', 'cross-validate', 'end cross-validate', 'fit', 'end fit']);
  });

  it('predicts with scores, and writes one row per input row with its id', async () => {
    const { io, documents } = terminal();
    await train(io);
    const rows = [
      { id: 'a', text: 'a refund', label: 'refund' },
      { text: 'the parcel', label: 'unheard of' },
      { id: 3, text: 'parcel delivery' },
    ];
    await writeFile(join(folder, 'test.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    expect(await runStudentPredict({ student: 'student', data: 'test.jsonl', rows: 'out/rows.jsonl', json: true }, io)).toBe(0);
    const written = readFileSync(join(folder, 'out/rows.jsonl'), 'utf8').trimEnd().split('\n');
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { id: 'a', label: 'refund', confidence: expect.any(Number) },
      { label: 'shipping', confidence: expect.any(Number) },
      { id: 3, label: 'shipping', confidence: expect.any(Number) },
    ]);
    expect(readdirSync(join(folder, 'out'))).toEqual(['rows.jsonl']);
    expect(documents[1]).toMatchObject({
      n: 3,
      labelled: 2,
      accuracy: 0.5,
      latencyUs: { p50: expect.any(Number), p99: expect.any(Number) },
    });
    expect(Object.keys(documents[1] as object)).toEqual(
      'student n labelled accuracy macroF1 ece aurc coverage95 coverage98 oracleThreshold95 oracleThreshold98 latencyUs'.split(' '),
    );
  });

  it('predicts without gold labels, with scores of null', async () => {
    const { io, documents } = terminal();
    await train(io);
    await writeFile(join(folder, 'test.jsonl'), '{"text":"money"}\n');
    await runStudentPredict({ student: 'student', data: 'test.jsonl', json: true }, io);
    expect(documents[1]).toMatchObject({
      n: 1,
      labelled: 0,
      accuracy: null,
      macroF1: null,
      ece: null,
      aurc: null,
      coverage95: null,
      coverage98: null,
    });
  });

  it('says it in words without --json', async () => {
    const { io, said } = terminal();
    await runStudentTrain({ data: 'train.jsonl', out: 'student', seed: 1, json: false }, io);
    await runStudentPredict({ student: 'student', data: 'train.jsonl', json: false }, io);
    expect(said[0]).toMatch(/^Trained on 6 rows, 2 labels, in \d/);
    expect(said[1]).toMatch(/^6 rows labelled, 6 with a gold label\./);
  });

  it('writes nothing when a row is wrong', async () => {
    const { io, documents } = terminal();
    await train(io);
    await writeFile(join(folder, 'bad.jsonl'), `${training}\n{"text":7,"label":"refund"}`);
    const wrong = { code: 'INPUT_INVALID', position: { file: join(folder, 'bad.jsonl'), line: 7 } };
    await expect(runStudentTrain({ data: 'bad.jsonl', out: 'other', seed: 1, json: true }, io)).rejects.toMatchObject(wrong);
    await expect(runStudentPredict({ student: 'student', data: 'bad.jsonl', rows: 'rows.jsonl', json: true }, io)).rejects.toMatchObject(
      wrong,
    );
    expect([existsSync(join(folder, 'other')), existsSync(join(folder, 'rows.jsonl')), documents.length]).toEqual([false, false, 1]);
  });
});
