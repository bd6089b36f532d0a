import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../src/core/index.ts';
import { loadStudent, type Student, type StudentCard, type StudentKind, type TrainingRow, trainStudent } from '../../src/student/index.ts';
import { median, SEED } from './data.ts';
import type { Mode } from './targets.ts';

/** A student and what its training took: medians of the rounds, in seconds; a file of the same bytes each time. */
export interface Trained {
  readonly student: Student;
  readonly card: StudentCard;
  readonly trainSeconds: number;
  readonly trainCpuSeconds: number;
  readonly fileBytes: number;
  readonly fileBytesGzip: number;
}

/** Trains as `smallfirst student train` does, in this thread, `rounds` times. */
export async function train(
  rows: readonly TrainingRow[],
  { kind = 'classifier', mode = 'default', rounds = 1 }: { readonly kind?: StudentKind; readonly mode?: Mode; readonly rounds?: number },
): Promise<Trained> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-student-'));
  try {
    const outDir = join(folder, 'student');
    const wall: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = process.cpuUsage();
      const { card } = await trainStudent({ rows, outDir, kind, seed: SEED, clock: systemClock, candidates: [{ mode, reads: 'text' }] });
      const used = process.cpuUsage(before);
      cpu.push((used.user + used.system) / 1e6);
      wall.push(card.trainingSeconds);
    }
    const student = await loadStudent(outDir);
    const file = await readFile(join(outDir, student.card.model.file));
    return {
      student,
      card: student.card,
      trainSeconds: median(wall),
      trainCpuSeconds: median(cpu),
      fileBytes: file.length,
      fileBytesGzip: gzipSync(file).length,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
