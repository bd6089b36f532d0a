import { type Json, systemClock } from '../../src/core/index.ts';
import { wilson } from '../../src/statistics/index.ts';
import { evaluateStudent, type PredictionRow, type TrainingRow } from '../../src/student/index.ts';
import { jsonLines, mean } from './data.ts';
import { type Trained, train } from './training.ts';

const DOMAINS = ['banking', 'hotels'] as const;
const FIRST_TEST_FOLD = 18;

/** NLU++: all intents of an utterance, folds 0 to 17 train and 18 and 19 test, as the bench of extraction splits the same files. */
export async function multilabelFigures(data: string): Promise<Json> {
  const domains = [];
  for (const domain of DOMAINS) {
    const rows = jsonLines<{ id: string; fold: number; text: string; intents: string[] }>(data, 'nlupp', `${domain}.jsonl`);
    const pick = (isTest: boolean): TrainingRow[] =>
      rows.filter(({ fold }) => fold >= FIRST_TEST_FOLD === isTest).map(({ id, text, intents }) => ({ id, text, labels: intents }));
    const trained = await train(pick(false), { kind: 'multilabel' });
    domains.push({ domain, train: pick(false).length, ...(await scored(trained, pick(true))), labels: trained.card.classes });
  }
  return {
    split: 'folds 0 to 17 train, 18 and 19 test',
    domains,
    table: domains.map(
      (d) =>
        `NLU++ ${d.domain}: ${d.train} train, ${d.test} test, ${d.labels} intents: micro F1 ${d.microF1?.toFixed(3)}, macro F1 ${d.macroF1?.toFixed(3)}, whole set right ${d.right.toFixed(3)}, ECE ${d.ece.toFixed(3)} · ${d.trainCpuSeconds.toFixed(1)} s of processor, p50 ${d.p50Us?.toFixed(0)} µs`,
    ),
  };
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six'];

/**
 * Ratings in SNIPS' requests to rate a book, on the official split. The texts are real; the target is derived from the annotated slot
 * (a whole number from 0 to 6), so that this is an easier task than sentiment is: no data set of ordinal labels is at hand.
 */
export async function scorerFigures(data: string): Promise<Json> {
  const ratings = (file: string): (TrainingRow & { value: number })[] =>
    jsonLines<{ id: string; text: string; label: string; target: { slots: Record<string, string | string[]> } }>(
      data,
      'snips',
      file,
    ).flatMap(({ id, text, label, target }) => {
      const slot = target.slots.rating_value;
      if (label !== 'RateBook' || typeof slot !== 'string') return [];
      const said = slot.toLowerCase();
      const value = NUMBERS.includes(said) ? NUMBERS.indexOf(said) : Number(said);
      return Number.isInteger(value) ? [{ id, text, value }] : [];
    });
  const rows = ratings('train.jsonl');
  const test = ratings('test.jsonl');
  const trained = await train(rows, { kind: 'scorer' });
  const found = await scored(trained, test);
  const middle = mean(rows.map(({ value }) => value));
  const maeOfMean = mean(test.map(({ value }) => Math.abs(value - middle)));
  return {
    target: 'derived from the slot rating_value of SNIPS: real texts, no human score of the whole text',
    train: rows.length,
    ...found,
    maeOfMean,
    table: [
      `ratings in SNIPS (targets derived from slots): ${rows.length} train, ${found.test} test: mean error ${found.mae?.toFixed(3)} (always the mean: ${maeOfMean.toFixed(3)}), exactly right ${found.right.toFixed(3)}, ECE ${found.ece.toFixed(3)} · ${found.trainCpuSeconds.toFixed(1)} s of processor, p50 ${found.p50Us?.toFixed(0)} µs`,
    ],
  };
}

async function scored({ student, card, trainSeconds, trainCpuSeconds, fileBytes, fileBytesGzip }: Trained, test: readonly PredictionRow[]) {
  const { scores, latencyUs } = await evaluateStudent(student, test, systemClock);
  if (!scores || scores.accuracy === null) throw new Error('the test rows have no gold answers');
  const { low, high } = wilson(Math.round(scores.accuracy * scores.inScope), scores.inScope, 0.95);
  return {
    test: test.length,
    withUnknownLabels: scores.outOfScope,
    right: scores.accuracy,
    right95: { low, high },
    ...(scores.microF1 === undefined ? {} : { microF1: scores.microF1 }),
    ...(scores.macroF1 === undefined ? {} : { macroF1: scores.macroF1 }),
    ...(scores.mae === undefined ? {} : { mae: scores.mae }),
    ...(scores.rmse === undefined ? {} : { rmse: scores.rmse }),
    ece: scores.ece,
    aurc: scores.aurc,
    coverage95: scores.coverage95,
    crossValidation: { ...card.crossValidation },
    trainSeconds,
    trainCpuSeconds,
    p50Us: latencyUs?.p50 ?? null,
    p99Us: latencyUs?.p99 ?? null,
    fileBytes,
    fileBytesGzip,
  };
}
