export { Classifier } from './classifier.ts';
export { checksumOf } from './container.ts';
export { MAX_CHARACTERS } from './feature-scanner.ts';
export type { ClassifierModel } from './model.ts';
export { type ClassifierMetadata, parseClassifier, serialiseClassifier } from './serialise.ts';
export { MAX_LABELS, type TrainedClassifier, trainClassifier } from './train.ts';
export type { HeldOutPrediction, LabelledText, LabelProbability, Prediction, TrainingOptions, TrainingProgress } from './types.ts';
