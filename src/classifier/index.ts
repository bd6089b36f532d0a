export { checksumOf } from '../container/index.ts';
export { Classifier } from './classifier.ts';
export {
  type CurveOptions,
  type CurvePoint,
  type CurveTask,
  gainFrom,
  type LearningCurve,
  learningCurveInSteps,
} from './learning-curve.ts';
export type { ClassifierModel } from './model.ts';
export { MultilabelClassifier, type MultilabelModel } from './multilabel.ts';
export type { Gain, PowerLaw } from './power-law.ts';
export { Scorer, type ScorerModel } from './scorer.ts';
export { parseClassifier, type StudentMetadata, serialiseClassifier } from './serialise.ts';
export { parseMultilabel, parseScorer, serialiseMultilabel, serialiseScorer } from './serialise-heads.ts';
export { type TrainedClassifier, trainClassifier, trainDenseInSteps, trainInSteps } from './train.ts';
export { type TrainedMultilabel, trainDenseMultilabelInSteps, trainMultilabel, trainMultilabelInSteps } from './train-multilabel.ts';
export { type TrainedScorer, trainDenseScorerInSteps, trainScorer, trainScorerInSteps } from './train-scorer.ts';
export type * from './types.ts';
