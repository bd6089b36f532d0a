import { join } from 'node:path';
import { type Json, systemClock } from '../../src/core/index.ts';
import { wilson } from '../../src/statistics/index.ts';
import { evaluateStudent, loadPredictionRows, type PredictionRow, type Student, type TrainingRow } from '../../src/student/index.ts';
import { jsonLines, outsideRows, type SplitFiles, trainingRows } from './data.ts';
import { checksOf, type Mode } from './targets.ts';
import { type Trained, train } from './training.ts';

/** One student on one official split. */
export interface OfficialFigures {
  readonly [key: string]: Json;
  readonly accuracy: number;
  readonly checks: readonly { readonly figure: string; readonly target: number; readonly value: number; readonly met: boolean }[];
}

/** Trains `rounds` times on the official train rows (the same bytes each time; times are medians) and scores the official test rows once. */
export async function officialSplit(
  split: SplitFiles,
  mode: Mode,
  options: { readonly data: string; readonly rounds: number },
): Promise<{ readonly figures: OfficialFigures; readonly models: readonly string[] }> {
  const { data, rounds } = options;
  const rows = await trainingRows(data, split);
  const test = await loadPredictionRows(join(data, split.folder, split.test));
  const outside = split.outside ? await outsideRows(data, split.folder, split.outside.test) : null;
  const trained = await train(rows, { mode, rounds });
  const measured = { ...(await scored(trained, test)), outOfScopeAuroc: null as number | null };
  const openWorld = outside ? await openWorldOf(trained.student, test, outside) : null;
  measured.outOfScopeAuroc = openWorld?.auroc ?? null;
  const { card } = trained;
  const given = split.outside ? await withExamplesOutside(split, mode, { data, rows, test, outside: outside! }) : null;
  return {
    models: [card.model.sha256, ...(given ? [given.model] : [])],
    figures: {
      train: rows.length,
      test: test.length,
      classes: card.classes,
      mode,
      rounds,
      ...measured,
      ...(await withoutTwins(split, data, trained.student, test)),
      crossValidation: { ...card.crossValidation },
      nearDuplicateShareOfTrain: card.nearDuplicateShare,
      openWorld,
      withExamplesOutside: given,
      checks: checksOf(split.name, mode, measured),
    },
  };
}

async function scored({ student, trainSeconds, trainCpuSeconds, fileBytes, fileBytesGzip }: Trained, test: readonly PredictionRow[]) {
  const { scores, latencyUs } = await evaluateStudent(student, test, systemClock);
  if (!scores || !latencyUs || scores.accuracy === null) throw new Error('the test file has no labels');
  const { low, high } = wilson(Math.round(scores.accuracy * test.length), test.length, 0.95);
  return {
    accuracy: scores.accuracy,
    accuracy95: { low, high },
    macroF1: scores.macroF1 ?? 0,
    ece: scores.ece,
    aurc: scores.aurc,
    coverage95: scores.coverage95,
    coverage98: scores.coverage98,
    trainSeconds,
    trainCpuSeconds,
    p50Us: latencyUs.p50,
    p99Us: latencyUs.p99,
    fileBytes,
    fileBytesGzip,
  };
}

/** In-scope and out-of-scope test rows together, every answer to the latter being wrong: what traffic looks like. */
async function openWorldOf(student: Student, test: readonly PredictionRow[], outside: readonly PredictionRow[]) {
  const { scores } = await evaluateStudent(student, [...test, ...outside], systemClock);
  return {
    inScope: test.length,
    outOfScope: outside.length,
    auroc: scores!.outOfScopeAuroc,
    recall: scores!.outOfScopeRecall,
    falseAlarms: scores!.falseAlarms,
    ece: scores!.ece,
    aurc: scores!.aurc,
    coverage95: scores!.coverage95,
    coverage98: scores!.coverage98,
  };
}

/** The same with the official rows out of scope among the training rows. */
async function withExamplesOutside(
  { folder, outside: files }: SplitFiles,
  mode: Mode,
  set: {
    readonly data: string;
    readonly rows: readonly TrainingRow[];
    readonly test: readonly PredictionRow[];
    readonly outside: readonly PredictionRow[];
  },
) {
  const examples = await outsideRows(set.data, folder, files!.train);
  const { student, card, trainCpuSeconds } = await train([...set.rows, ...examples], { mode });
  const { scores } = await evaluateStudent(student, set.test, systemClock);
  return {
    examples: examples.length,
    model: card.model.sha256,
    trainCpuSeconds,
    accuracy: scores!.accuracy,
    ece: scores!.ece,
    openWorld: await openWorldOf(student, set.test, set.outside),
  };
}

/** Accuracy without test rows that have a twin in training: near ones of the same label where the set names them, else texts that stand there too. */
async function withoutTwins({ name, folder, train: files }: SplitFiles, data: string, student: Student, test: readonly PredictionRow[]) {
  const twins = name === 'banking77' ? namedTwins(join(data, folder)) : null;
  const seen = new Set(files.flatMap((file) => jsonLines<{ text: string }>(data, folder, file).map(({ text }) => text)));
  const kept = test.filter((row) => (twins ? !twins.has(String(row.id)) : !seen.has(row.text)));
  if (kept.length === test.length) return {};
  const right = kept.filter((row) => student.predict(row.text).label === row.label).length;
  const { low, high } = wilson(right, kept.length, 0.95);
  return { withoutTwins: { rows: kept.length, accuracy: right / kept.length, accuracy95: { low, high } } };
}

function namedTwins(folder: string): ReadonlySet<string> {
  const rows = jsonLines<{ id: string; sim: number; same_label: boolean }>(folder, 'test_neardup.jsonl');
  return new Set(rows.filter((row) => row.sim >= 0.9 && row.same_label).map(({ id }) => id));
}
