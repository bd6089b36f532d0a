import { SmallfirstError } from '../core/index.ts';
import { seededRandom } from '../statistics/index.ts';
import { fitCalibration } from './calibration.ts';
import { choiceFieldsOf, trainChoices } from './choice-training.ts';
import { compareFields } from './compare.ts';
import { buildCorpus } from './corpus.ts';
import { type FieldKinds, type LocatedRow, locateRows } from './located-row.ts';
import { quantised, type TaggerModel } from './model.ts';
import type { RawExtraction } from './raw-extraction.ts';
import { type SequenceSettings, trainSequence } from './sequence-training.ts';
import { learnSpanFields } from './span-fields.ts';
import { calibratedExtraction, fieldInputs, recordInputs, Tagger } from './tagger.ts';
import { TokenReader } from './tokens.ts';
import type { Extraction, ExtractionRow, TaggerOptions } from './types.ts';

/** All span fields together: a tag must fit into a byte. */
export const MAX_FIELDS = 127;

/** Calibration before any evidence: log-odds of the best tagging, of the least certain field, and the share of known words. */
const RECORD_PRIOR = [0.5, 0.5, 2];
/** The same for one field: its log-odds and the share of known words. */
const FIELD_PRIOR = [1, 1];

/** A trained tagger and what it said about each row while it had not been trained on it, in the order of the rows. */
export interface TrainedTagger {
  readonly model: TaggerModel;
  readonly folds: number;
  readonly heldOut: readonly Extraction[];
  /** Rows with a value that does not stand in their text, though most values of its field do: they teach no tags. */
  readonly unlocated: number;
}

/** Trains at one go; see `trainTaggerInSteps`. */
export function trainTagger(rows: readonly ExtractionRow[], options: TaggerOptions): TrainedTagger {
  const steps = trainTaggerInSteps(rows, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Trains an extractor a step at a time: finds each value in its text, learns a linear-chain conditional random field over the tokens for
 * the fields that are passages and a logistic regression for those that are choices, and calibrates both on held-out folds.
 * Throws INPUT_INVALID for rows without any field, fewer than two different texts, or more than MAX_FIELDS fields.
 */
export function* trainTaggerInSteps(rows: readonly ExtractionRow[], options: TaggerOptions): Generator<void, TrainedTagger> {
  const report = options.onProgress ?? (() => {});
  const { kinds, located } = yield* locateRows(rows, (done) => report({ phase: 'locate', done, total: rows.length }));
  const distinct = new Set(rows.map((row) => row.text)).size;
  check(kinds, rows.length, distinct);
  const folds = Math.max(2, Math.min(options.folds ?? usualFolds(rows.length), distinct));
  const problem: Problem = { rows, located, kinds, seed: options.seed };
  const raw = yield* crossValidate(problem, folds, (share) =>
    report({ phase: 'cross-validate', done: Math.round(share * 100), total: 100 }),
  );
  const calibration = calibrate(raw, rows);
  const every = located.map((_, row) => row);
  const fitted = yield* fitModel(problem, every, (share) => report({ phase: 'fit', done: Math.round(share * 100), total: 100 }));
  const model = { ...fitted, ...calibration };
  const heldOut = raw.map((one) => calibratedExtraction(model, one));
  return { model, folds, heldOut, unlocated: located.filter((row) => !row.complete).length };
}

interface Problem {
  readonly rows: readonly ExtractionRow[];
  readonly located: readonly LocatedRow[];
  readonly kinds: FieldKinds;
  readonly seed: number;
}

function check(kinds: FieldKinds, rows: number, distinct: number): void {
  const fields = kinds.spanFields.length + kinds.choiceFields.length;
  if (rows === 0) throw new SmallfirstError('INPUT_INVALID', 'there are no rows to train from');
  if (fields === 0) throw new SmallfirstError('INPUT_INVALID', 'no row has a field: there is nothing to extract');
  if (fields > MAX_FIELDS)
    throw new SmallfirstError('INPUT_INVALID', `there are ${fields} different fields; an extractor takes at most ${MAX_FIELDS}`);
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
}

function usualFolds(rows: number): number {
  return rows < LARGE_SET ? 5 : 3;
}

function* crossValidate(problem: Problem, folds: number, onShare: (share: number) => void): Generator<void, RawExtraction[]> {
  const { rows } = problem;
  const foldOf = foldsByText(rows, folds, problem.seed);
  const raw = new Array<RawExtraction>(rows.length);
  for (let fold = 0; fold < folds; fold += 1) {
    const training = rows.flatMap((_, row) => (foldOf[row] === fold ? [] : [row]));
    const model = yield* fitModel(problem, training, (share) => onShare((fold + share * 0.9) / folds));
    const tagger = new Tagger(model);
    for (let row = 0; row < rows.length; row += 1) {
      if (foldOf[row] !== fold) continue;
      raw[row] = tagger.raw(rows[row]!.text);
      if (row % 256 === 0) yield;
    }
    onShare((fold + 1) / folds);
  }
  return raw;
}

/** Fold of each row; rows with the same text are in one fold, so that no row is answered by a model that has seen its text. */
function foldsByText(rows: readonly ExtractionRow[], folds: number, seed: number): Int32Array {
  const texts = seededRandom(seed).shuffle([...new Set(rows.map((row) => row.text))]);
  const foldOf = new Map(texts.map((text, index) => [text, index % folds]));
  return Int32Array.from(rows, (row) => foldOf.get(row.text)!);
}

function* fitModel(problem: Problem, rows: readonly number[], onShare: (share: number) => void): Generator<void, TaggerModel> {
  const all = rows.map((row) => problem.located[row]!);
  const complete = all.filter((row) => row.complete);
  const teaching = complete.length > 0 ? complete : all;
  const { kinds, seed } = problem;
  const corpus = buildCorpus(teaching, kinds.spanFields.length);
  yield;
  const settings = settingsFor(teaching, seed);
  const steps = trainSequence(corpus, teaching, kinds.spanFields.length, settings);
  let step = steps.next();
  while (!step.done) {
    onShare(step.value);
    yield;
    step = steps.next();
  }
  const { pairs, weights, transitions } = step.value;
  const originals = rows.map((row) => problem.rows[row]!);
  const choices = trainChoices(corpus, teaching, choiceFieldsOf(kinds.choiceFields, teaching, listFields(originals)), seed);
  const { starts, phrases, pairs: known } = corpus.gazetteer.export();
  return {
    spanFields: learnSpanFields(kinds.spanFields, originals, all),
    choiceFields: choices.fields,
    useBag: settings.useBag,
    tagger: quantised(corpus.index.keys(), pairs.starts, pairs.tags, weights),
    transitions,
    choices: choices.table,
    choiceBiases: choices.biases,
    gazetteer: { starts, phrases, pairs: known },
    words: knownWords(teaching),
    recordCalibration: [0, ...RECORD_PRIOR],
    fieldCalibration: [0, ...FIELD_PRIOR],
  };
}

/** Rows whose texts have so many tokens at most, on average, are sentences: all of a sentence's words count for each of its tokens. */
const SENTENCE = 40;
/** From so many rows on a feature must be seen twice. */
const LARGE_SET = 2000;

/** Chosen on folds of the training rows of SNIPS, NLU++ and SROIE. */
function settingsFor(rows: readonly LocatedRow[], seed: number): SequenceSettings {
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  const large = rows.length >= LARGE_SET;
  return {
    passes: large ? 5 : 10,
    rate: 0.2,
    decay: 1e-4,
    dropout: large ? 0 : 0.1,
    margin: 3,
    least: large ? 2 : 1,
    useBag: tokens <= rows.length * SENTENCE,
    seed,
  };
}

/** Fields that have a list in some row. */
function listFields(rows: readonly ExtractionRow[]): ReadonlySet<string> {
  return new Set(rows.flatMap(({ fields }) => Object.keys(fields).filter((name) => typeof fields[name] !== 'string')));
}

function knownWords(rows: readonly LocatedRow[]): Int32Array {
  const words = new Set<number>();
  const tokens = new TokenReader();
  for (const { text } of rows) {
    tokens.read(text);
    for (let i = 0; i < tokens.size; i += 1) words.add(tokens.lower[i]!);
  }
  return Int32Array.from(words);
}

function calibrate(
  raw: readonly RawExtraction[],
  rows: readonly ExtractionRow[],
): Pick<TaggerModel, 'recordCalibration' | 'fieldCalibration'> {
  const inputs: (readonly number[])[] = [];
  const outcomes: boolean[] = [];
  raw.forEach((one, row) => {
    for (const name of Object.keys(one.fields)) {
      const value = { [name]: one.fields[name]! };
      const gold = rows[row]!.fields[name];
      inputs.push(fieldInputs(one, name));
      outcomes.push(gold !== undefined && compareFields(value, { [name]: gold }).exact);
    }
  });
  return {
    recordCalibration: fitCalibration(
      raw.map(recordInputs),
      raw.map((one, row) => compareFields(one.fields, rows[row]!.fields).exact),
      RECORD_PRIOR,
    ),
    fieldCalibration: inputs.length > 0 ? fitCalibration(inputs, outcomes, FIELD_PRIOR) : [0, ...FIELD_PRIOR],
  };
}
