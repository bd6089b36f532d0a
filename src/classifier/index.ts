export { checksumOf } from '../container/index.ts';
export { Classifier } from './classifier.ts';
export { parseClassifier, serialiseClassifier } from './serialise.ts';
export { type TrainedClassifier, trainClassifier, trainInSteps } from './train.ts';
export type { HeldOutPrediction, LabelledText, LabelProbability, Prediction, TrainingProgress } from './types.ts';
