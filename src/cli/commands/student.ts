import { resolve } from 'node:path';
import { systemClock } from '../../core/index.ts';
import {
  evaluateStudent,
  loadPredictionRows,
  loadStudent,
  loadTrainingRows,
  type StudentCard,
  type StudentEvaluation,
  trainStudent,
  writeAtomically,
} from '../../student/index.ts';
import type { CommandIo, ExitCode, Progress } from '../io.ts';

export interface StudentTrainOptions {
  readonly data: string;
  readonly out: string;
  readonly seed: number;
  readonly json: boolean;
}

export interface StudentPredictOptions {
  readonly student: string;
  readonly data: string;
  readonly rows?: string;
  readonly json: boolean;
}

/** Trains a student from labelled texts and writes its folder whole or not at all. */
export async function runStudentTrain(options: StudentTrainOptions, io: CommandIo): Promise<ExitCode> {
  const rows = await loadTrainingRows(resolve(io.cwd, options.data));
  const out = resolve(io.cwd, options.out);
  const bars = new PhaseBars(io);
  try {
    const { card } = await trainStudent({
      rows,
      outDir: out,
      seed: options.seed,
      clock: systemClock,
      signal: io.signal,
      onProgress: ({ phase, done, total }) => bars.advance(phase, done, total),
    });
    bars.end();
    if (options.json) io.json({ student: out, ...card });
    else io.out(describeCard(card, out));
  } finally {
    bars.end();
  }
  return 0;
}

/** Labels texts, scores the student where gold labels are given, and writes one line per row with `--rows`. */
export async function runStudentPredict(options: StudentPredictOptions, io: CommandIo): Promise<ExitCode> {
  const student = await loadStudent(resolve(io.cwd, options.student));
  const rows = await loadPredictionRows(resolve(io.cwd, options.data));
  const evaluation = evaluateStudent(student, rows, systemClock);
  if (options.rows !== undefined) {
    const lines = evaluation.predictions.map((prediction) => `${JSON.stringify(prediction)}\n`);
    await writeAtomically(resolve(io.cwd, options.rows), lines.join(''));
  }
  if (options.json) io.json(predictDocument(evaluation, student.version));
  else io.out(describeEvaluation(evaluation));
  return 0;
}

function predictDocument(evaluation: StudentEvaluation, version: string) {
  const { n, labelled, scores, latencyUs } = evaluation;
  return {
    student: version,
    n,
    labelled,
    accuracy: scores?.accuracy ?? null,
    macroF1: scores?.macroF1 ?? null,
    ece: scores?.ece ?? null,
    aurc: scores?.aurc ?? null,
    coverage95: scores?.coverage95 ?? null,
    coverage98: scores?.coverage98 ?? null,
    oracleThreshold95: scores?.oracleThreshold95 ?? null,
    oracleThreshold98: scores?.oracleThreshold98 ?? null,
    latencyUs,
  };
}

function describeCard(card: StudentCard, out: string): string {
  const { crossValidation: held } = card;
  return [
    `Trained on ${card.rows} rows, ${card.classes} labels, in ${card.trainingSeconds.toFixed(1)} s.`,
    `Held out in ${held.folds} folds: accuracy ${percent(held.accuracy)}, macro F1 ${percent(held.macroF1 ?? 0)}, calibration error ${percent(held.ece)} (${percent(held.eceUnscaled ?? 0)} before scaling).`,
    `Written to ${out} (${(card.model.bytes / 1e6).toFixed(2)} MB).`,
    '',
  ].join('\n');
}

function describeEvaluation({ n, labelled, scores, latencyUs }: StudentEvaluation): string {
  const time = `${latencyUs.p50.toFixed(0)} µs median, ${latencyUs.p99.toFixed(0)} µs p99 per text.`;
  if (!scores) return `${n} rows labelled, none has a gold label to compare with. ${time}\n`;
  return [
    `${n} rows labelled, ${labelled} with a gold label. ${time}`,
    `Accuracy ${percent(scores.accuracy)}, macro F1 ${percent(scores.macroF1)}, calibration error ${percent(scores.ece)}, AURC ${scores.aurc.toFixed(4)}.`,
    `With hindsight on these rows: ${percent(scores.coverage95)} of them can be answered at 95 % accuracy, ${percent(scores.coverage98)} at 98 %. \`certify\` says what can be promised.`,
    '',
  ].join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** One bar per phase of training, each ended before the next begins. */
class PhaseBars {
  readonly #io: CommandIo;
  #phase: string | null = null;
  #bar: Progress | null = null;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  advance(phase: string, done: number, total: number): void {
    if (phase !== this.#phase) {
      this.end();
      this.#phase = phase;
      this.#bar = this.#io.progress(phase, total);
    }
    this.#bar?.advance(done);
  }

  end(): void {
    this.#bar?.end();
    this.#bar = null;
  }
}
