export { evaluateStudent, type RowPrediction, type StudentEvaluation, type StudentScores } from './evaluate-student.ts';
export { loadPredictionRows, loadTrainingRows } from './rows.ts';
export { loadStudent, type Student, writeAtomically } from './student-folder.ts';
export { type TrainedStudent, trainStudent } from './train-student.ts';
export type { CrossValidation, PredictionRow, StudentCard, TrainingRow, TrainStudentOptions } from './types.ts';
