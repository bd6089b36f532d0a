export { Classifier } from './classifier.ts';
export { checksumOf } from './container.ts';
export { parseClassifier, serialiseClassifier } from './serialise.ts';
export { trainClassifier } from './train.ts';
export type { HeldOutPrediction, LabelledText, LabelProbability, Prediction, TrainingProgress } from './types.ts';
