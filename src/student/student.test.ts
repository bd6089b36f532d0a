import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksumOf } from '../container/index.ts';
import type { Clock } from '../core/index.ts';
import { evaluateStudent, loadStudent, type PredictionRow, type TrainingRow, trainStudent } from './index.ts';

const rows: readonly TrainingRow[] = [
  ...['charged twice', 'wrong amount on the invoice', 'a second charge', 'my bill is too high'].map((text) => ({ text, label: 'billing' })),
  ...['where is my parcel', 'the parcel is late', 'delivery was missed', 'track my delivery'].map((text) => ({ text, label: 'shipping' })),
];

/** Each look at the monotonic clock is 3 µs after the one before. */
function clock(): Clock {
  let looks = 0;
  return {
    now: () => Date.UTC(2026, 9, 1),
    monotonic: () => {
      looks += 1;
      return looks * 0.003;
    },
  };
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'student-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const train = (outDir: string, options: { seed?: number; rows?: readonly TrainingRow[]; signal?: AbortSignal } = {}) =>
  trainStudent({ rows, seed: 1, clock: clock(), outDir, ...options });

describe('student folder', () => {
  it('holds a card that people can read and a model that the card pins', async () => {
    const out = join(folder, 'deep', 'student');
    const { card } = await train(out);
    const model = readFileSync(join(out, 'model.bin'));
    expect(readdirSync(out).sort()).toEqual(['model.bin', 'student.json']);
    expect(JSON.parse(readFileSync(join(out, 'student.json'), 'utf8'))).toEqual(card);
    expect(card).toMatchObject({
      format: 'smallfirst-student',
      version: 2,
      kind: 'classifier',
      created: '2026-10-01T00:00:00.000Z',
      seed: 1,
      rows: 8,
      classes: 2,
      labels: ['billing', 'shipping'],
      model: { file: 'model.bin', bytes: model.length, sha256: checksumOf(model) },
    });
    expect(card.crossValidation).toMatchObject({ folds: 5, rows: 8 });
  });

  it('writes the same bytes for the same rows, seed and time', async () => {
    await train(join(folder, 'a'));
    await train(join(folder, 'b'));
    expect(readFileSync(join(folder, 'a', 'model.bin')).equals(readFileSync(join(folder, 'b', 'model.bin')))).toBe(true);
  });

  it('replaces an earlier student whole and leaves nothing beside it', async () => {
    const out = join(folder, 'student');
    await train(out);
    const { card } = await train(out, { seed: 2 });
    expect((await loadStudent(out)).card).toEqual(card);
    expect(readdirSync(folder)).toEqual(['student']);
  });

  it('refuses a folder that holds something else, and a file, before it trains', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await expect(train(folder)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(train(join(folder, 'notes.txt'))).rejects.toMatchObject({ code: 'USAGE' });
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });

  it('leaves no trace of a training that failed or was interrupted', async () => {
    const out = join(folder, 'student');
    await expect(train(out, { rows: rows.slice(0, 4) })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(train(out, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused when a file is missing, changed, or from another student', async () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    await train(a);
    await train(b, { seed: 2 });
    const model = readFileSync(join(a, 'model.bin'));
    const refused = async (name: string, content: string | Uint8Array, message: RegExp) => {
      const path = join(a, name);
      const before = readFileSync(path);
      writeFileSync(path, content);
      await expect(loadStudent(a)).rejects.toThrow(message);
      await expect(loadStudent(a)).rejects.toMatchObject({ code: 'STUDENT_FILE_INVALID' });
      writeFileSync(path, before);
    };
    await refused('model.bin', readFileSync(join(b, 'model.bin')), /do not belong together/);
    await refused('model.bin', model.subarray(0, 500), /damaged or cut short/);
    await refused('student.json', '{"format": "smallfirst-student", "version": 1}', /version 1/);
    await refused('student.json', 'null', /not the card of a student/);
    await expect(loadStudent(join(folder, 'none'))).rejects.toMatchObject({ code: 'STUDENT_FILE_INVALID' });
    expect((await loadStudent(a)).version).toBe(`sha256:${checksumOf(model)}`);
  });
});

describe('evaluating a student', () => {
  const gold = (label?: string | null): PredictionRow => ({ text: 'where is the parcel', ...(label === undefined ? {} : { label }) });

  it('answers every row in order with its id, and times each', async () => {
    const out = join(folder, 'student');
    await train(out);
    const student = await loadStudent(out);
    const found = await evaluateStudent(student, [{ id: 'x', ...gold() }, { id: 7, text: 'charged twice' }, gold()], clock());
    const parcel = student.predict('where is the parcel');
    expect(found.predictions).toEqual([parcel, student.predict('charged twice'), parcel]);
    expect({ ...found, predictions: [] }).toEqual({
      n: 3,
      labelled: 0,
      scores: null,
      latencyUs: expect.anything(),
      inputTokens: null,
      predictions: [],
    });
    expect(found.latencyUs?.p50).toBeCloseTo(3, 6);
    expect(found.latencyUs?.p99).toBeCloseTo(3, 6);
  });

  it('scores the rows with a gold label only, and counts an unknown or a null one as out of scope', async () => {
    const out = join(folder, 'student');
    await train(out);
    const found = await evaluateStudent(
      await loadStudent(out),
      [gold('shipping'), gold(), gold('never seen'), gold(null), gold('shipping')],
      clock(),
    );
    expect([found.n, found.labelled]).toEqual([5, 4]);
    // All four texts are the same, so nothing tells both sorts of rows apart, and half of them cannot be right.
    expect(found.scores).toMatchObject({
      inScope: 2,
      outOfScope: 2,
      accuracy: 1,
      macroF1: 1,
      outOfScopeAuroc: 0.5,
      coverage95: 0,
      oracleThreshold95: null,
    });
  });
});
