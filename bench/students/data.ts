import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPredictionRows, loadTrainingRows, type PredictionRow, type TrainingRow } from '../../src/student/index.ts';

/** Every training, draw and split of this bench. */
export const SEED = 1;

/** An official split of labelled texts. */
export interface SplitFiles {
  readonly name: 'banking77' | 'clinc150' | 'snips' | 'spam';
  readonly title: string;
  readonly folder: string;
  readonly train: readonly string[];
  readonly test: string;
  /** Rows out of scope: some to train with, others to test with. */
  readonly outside?: { readonly train: string; readonly test: string };
}

export const SPLITS: readonly SplitFiles[] = [
  { name: 'banking77', title: 'Banking77, 77 intents', folder: 'banking77', train: ['train.jsonl'], test: 'test.jsonl' },
  {
    name: 'clinc150',
    title: 'CLINC150 in scope, 150 intents',
    folder: 'clinc150',
    train: ['train.jsonl'],
    test: 'test.jsonl',
    outside: { train: 'oos_train.jsonl', test: 'oos_test.jsonl' },
  },
  { name: 'snips', title: 'SNIPS, 7 intents', folder: 'snips', train: ['train.jsonl'], test: 'test.jsonl' },
  { name: 'spam', title: 'SMS spam', folder: 'sms_spam_gpt4', train: ['train.jsonl', 'val.jsonl'], test: 'test.jsonl' },
];

/** Whether a set's folder is there. */
export function hasSet(data: string, folder: string): boolean {
  return existsSync(join(data, folder));
}

/** Rows of several files, one after the other. */
export async function trainingRows(data: string, { folder, train }: SplitFiles): Promise<readonly TrainingRow[]> {
  const files = await Promise.all(train.map((file) => loadTrainingRows(join(data, folder, file))));
  return files.flat();
}

/** Rows that no label is right for. */
export async function outsideRows(data: string, folder: string, file: string): Promise<readonly PredictionRow[]> {
  return (await loadPredictionRows(join(data, folder, file))).map((row) => ({ ...row, label: null }));
}

/** A file of one JSON document a line, as it stands. */
export function jsonLines<T>(...path: readonly string[]): T[] {
  return readFileSync(join(...path), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** The middle value; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Plain mean; 0 of none. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
