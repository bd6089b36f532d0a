export { compareFields, type FieldCounts } from './compare.ts';
export type { TaggerModel } from './model.ts';
export { parseTagger, serialiseTagger, type TaggerMetadata } from './serialise.ts';
export { Tagger } from './tagger.ts';
export { type TrainedTagger, trainTagger, trainTaggerInSteps } from './train.ts';
export type {
  Extraction,
  ExtractionRow,
  FieldExplanation,
  FieldFeature,
  Fields,
  FieldValue,
  TaggerOptions,
  TaggerProgress,
} from './types.ts';
