export { evaluateStudent, type StudentEvaluation } from './evaluate-student.ts';
export { loadPredictionRows, loadTrainingRows } from './rows.ts';
export { loadStudent, writeAtomically } from './student-folder.ts';
export { trainStudent } from './train-student.ts';
export type {
  Explanation,
  Fields,
  PredictionRow,
  Student,
  StudentCard,
  StudentKind,
  StudentPrediction,
  TrainingRow,
} from './types.ts';
