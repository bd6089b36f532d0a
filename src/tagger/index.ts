export { compareFields } from './compare.ts';
export { parseTagger, serialiseTagger } from './serialise.ts';
export { Tagger } from './tagger.ts';
export { trainTagger, trainTaggerInSteps } from './train.ts';
export type { Extraction, ExtractionRow, Fields } from './types.ts';
