export { checksumOf } from '../container/index.ts';
export { Classifier } from './classifier.ts';
export type { ClassifierModel } from './model.ts';
export { parseClassifier, type StudentMetadata, serialiseClassifier } from './serialise.ts';
export { type TrainedClassifier, trainClassifier, trainDenseInSteps, trainInSteps } from './train.ts';
export type * from './types.ts';
