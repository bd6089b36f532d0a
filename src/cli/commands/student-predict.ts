import { resolve } from 'node:path';
import { systemClock } from '../../core/index.ts';
import {
  evaluateStudent,
  loadPredictionRows,
  loadStudent,
  type PredictionRow,
  pairsOf,
  rowPrediction,
  type Student,
  type StudentEvaluation,
  scaleOf,
  writeAtomically,
} from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { EmbeddingEndpoints, type EmbeddingOptions } from './student-embeddings.ts';
import { renderEvaluation } from './student-report.ts';

/** Options of `student predict`. */
export interface StudentPredictOptions extends EmbeddingOptions {
  readonly student: string;
  readonly data: string;
  readonly rows?: string;
  readonly pairs?: string;
  /** Dollars per call of the student, for pairs. */
  readonly costUsd?: number;
  readonly json: boolean;
}

/** Answers texts, scores the student where gold answers are given, writes one line per row with `--rows`, and pairs to certify with `--pairs`. */
export async function runStudentPredict(options: StudentPredictOptions, io: CommandIo): Promise<ExitCode> {
  const endpoints = new EmbeddingEndpoints(options, io);
  try {
    const student = await loadStudent(resolve(io.cwd, options.student), endpoints.forStudent);
    const rows = await loadPredictionRows(resolve(io.cwd, options.data), student.card.kind);
    const evaluation = await evaluateStudent(student, rows, systemClock, io.signal);
    const pairs = options.pairs === undefined ? null : pairLines(rows, evaluation, { student, costUsd: options.costUsd ?? 0 });
    if (options.rows !== undefined) {
      const lines = rows.map((row, i) => `${JSON.stringify(rowPrediction(row, evaluation.predictions[i]!))}\n`);
      await writeAtomically(resolve(io.cwd, options.rows), lines.join(''));
    }
    if (pairs !== null) await writeAtomically(resolve(io.cwd, options.pairs!), pairs.lines.join(''));
    if (options.json) io.json({ ...document(evaluation, student), ...(pairs === null ? {} : { pairs: pairs.lines.length }) });
    else io.out(renderEvaluation(evaluation, student.card));
    if (pairs !== null) io.note(`${counted(pairs.lines.length, 'pair')} in ${options.pairs}; ${pairs.note}`);
    return 0;
  } finally {
    await endpoints.close();
  }
}

function pairLines(
  rows: readonly PredictionRow[],
  { predictions, latencyUs }: StudentEvaluation,
  { student, costUsd }: { readonly student: Student; readonly costUsd: number },
): { readonly lines: readonly string[]; readonly note: string } {
  const latencyMs = latencyUs === null ? null : latencyUs.p50 / 1000;
  const pairs = pairsOf(rows, predictions, { scale: scaleOf(student.card), costUsd, latencyMs });
  const byLabel = pairs.filter(({ by }) => by === 'label').length;
  const skipped = rows.length - pairs.length;
  const scored =
    byLabel === pairs.length
      ? 'quality by gold answers'
      : `quality of ${pairs.length - byLabel} of them by agreement with the frontier: a certificate from these keeps its answers, right or wrong`;
  return {
    lines: pairs.map((pair) => `${JSON.stringify(pair)}\n`),
    note: `${scored}.${skipped === 0 ? '' : ` ${counted(skipped, 'row without a frontier answer was', 'rows without a frontier answer were')} left out.`}`,
  };
}

function document({ n, labelled, scores, latencyUs, inputTokens }: StudentEvaluation, { version, card }: Student) {
  return {
    student: version,
    kind: card.kind,
    n,
    labelled,
    inScope: scores?.inScope ?? null,
    outOfScope: scores?.outOfScope ?? null,
    accuracy: scores?.accuracy ?? null,
    macroF1: scores?.macroF1 ?? null,
    ...(scores?.microF1 === undefined ? {} : { microF1: scores.microF1 }),
    ...(scores?.subsetAccuracy === undefined ? {} : { subsetAccuracy: scores.subsetAccuracy }),
    ...(scores?.recordExact === undefined ? {} : { recordExact: scores.recordExact }),
    ...(scores?.mae === undefined ? {} : { mae: scores.mae, rmse: scores.rmse, tolerance: scores.tolerance }),
    ece: scores?.ece ?? null,
    aurc: scores?.aurc ?? null,
    coverage95: scores?.coverage95 ?? null,
    coverage98: scores?.coverage98 ?? null,
    oracleThreshold95: scores?.oracleThreshold95 ?? null,
    oracleThreshold98: scores?.oracleThreshold98 ?? null,
    outOfScopeAuroc: scores?.outOfScopeAuroc ?? null,
    outOfScopeRecall: scores?.outOfScopeRecall ?? null,
    falseAlarms: scores?.falseAlarms ?? null,
    latencyUs,
    ...(inputTokens === null ? {} : { inputTokens }),
  };
}
