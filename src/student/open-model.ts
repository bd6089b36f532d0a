import { openClassifier } from './engine-classifier.ts';
import { openExtractor } from './engine-extractor.ts';
import { openMultilabel } from './engine-multilabel.ts';
import { openScorer } from './engine-scorer.ts';
import type { OpenModel } from './local-student.ts';
import type { StudentKind } from './types.ts';

const openers: Readonly<Record<StudentKind, (file: Uint8Array) => OpenModel>> = {
  classifier: openClassifier,
  multilabel: openMultilabel,
  extractor: openExtractor,
  scorer: openScorer,
};

/** A model's file, ready to answer. Throws STUDENT_FILE_INVALID for a foreign, damaged or inconsistent one, or one of another kind. */
export function openModel(kind: StudentKind, file: Uint8Array): OpenModel {
  return openers[kind](file);
}
