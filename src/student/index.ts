export { continueFrom } from './continue-from.ts';
export { evaluateStudent, type StudentEvaluation } from './evaluate-student.ts';
export { writeAtomically } from './folder-write.ts';
export { type StudentCurve, studentCurve } from './learning-curve.ts';
export { DEFAULT_RULE } from './outlook.ts';
export { pairsOf } from './pairs.ts';
export { rowPrediction } from './prediction-row.ts';
export { loadPredictionRows, loadTrainingRows, loadTrainingSet } from './rows.ts';
export { scaleOf } from './scale.ts';
export type { StudentScores } from './scores.ts';
export { type EmbedderFor, loadStudent, readCard } from './student-folder.ts';
export { fitThreadFile, threadFitter } from './thread-fitter.ts';
export { trainStudent } from './train-student.ts';
export type { Candidate, EmbeddingChoice, Fitter, StudentProgress, TrainStudentOptions } from './train-types.ts';
export {
  type EmbeddingSource,
  type Explanation,
  type Fields,
  type OutlookRule,
  type PredictionRow,
  STUDENT_KINDS,
  type Student,
  type StudentCard,
  type StudentKind,
  type StudentPrediction,
  type TrainingRow,
} from './types.ts';
