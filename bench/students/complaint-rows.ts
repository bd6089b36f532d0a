import { Classifier, trainClassifier } from '../../src/classifier/index.ts';
import { jsonLines, SEED } from './data.ts';

/** A complaint with its product, and what each of the 14 models said it was. */
export interface Complaint {
  readonly id: string;
  readonly text: string;
  readonly label: string;
  readonly llm_pred: Readonly<Record<string, string>>;
  readonly llm_latency_s: Readonly<Record<string, number>>;
}

const FOLDER = 'cfpb_complaints_14llm';

/** The 1,000 complaints that 14 models answered. */
export function complaints(data: string): Complaint[] {
  return jsonLines<Complaint>(data, FOLDER, 'all.jsonl');
}

/** Further complaints with their products, which no model answered; none is among the 1,000. */
export function furtherComplaints(data: string): { readonly text: string; readonly label: string }[] {
  return jsonLines<{ text: string; label: string }>(data, FOLDER, 'extra_train.jsonl').map(({ text, label }) => ({ text, label }));
}

/** A student's answer to a row that it was not trained on. */
export interface Answer {
  readonly label: string;
  readonly confidence: number;
}

/** Answers to every row in turn by students that had not seen it. */
export function heldOutAnswers(rows: readonly { readonly text: string; readonly label: string }[], folds: number): readonly Answer[] {
  return trainClassifier(rows, { seed: SEED, folds }).heldOut;
}

/** A student of some rows. */
export function studentOf(rows: readonly { readonly text: string; readonly label: string }[]): {
  readonly answer: (text: string) => Answer;
  readonly heldOut: readonly Answer[];
} {
  const { model, heldOut } = trainClassifier(rows, { seed: SEED });
  const classifier = new Classifier(model);
  return { answer: (text) => classifier.predict(text), heldOut };
}
