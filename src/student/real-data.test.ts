import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/index.ts';
import { evaluateStudent, loadPredictionRows, loadStudent, loadTrainingRows, trainStudent } from './index.ts';

const data = resolve('../shared/data/text/banking77');

// The data set is no part of the package; bench/students.ts scores all of it.
describe.skipIf(!existsSync(data))('a student of real questions to a bank (skipped where the data set is absent)', () => {
  it('tells 15 of the 77 intents apart with calibrated confidence, as cross-validation said it would', async () => {
    const every = await loadTrainingRows(join(data, 'train.jsonl'));
    const labels = new Set([...new Set(every.map((row) => row.label))].sort().slice(0, 15));
    const test = (await loadPredictionRows(join(data, 'test.jsonl'))).filter((row) => labels.has(row.label ?? ''));
    const folder = await mkdtemp(join(tmpdir(), 'student-real-'));
    try {
      const outDir = join(folder, 'student');
      const { card } = await trainStudent({ rows: every.filter((row) => labels.has(row.label)), outDir, seed: 1, clock: systemClock });
      const { scores } = await evaluateStudent(await loadStudent(outDir), test, systemClock);
      expect(test.length).toBe(600);
      expect(scores!.accuracy).toBeGreaterThan(0.95);
      expect(Math.abs(scores!.accuracy! - card.crossValidation.accuracy)).toBeLessThan(0.03);
      expect(scores!.ece).toBeLessThan(0.03);
      expect(card.crossValidation.eceUnscaled).toBeGreaterThan(0.3);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
