export { promptTexts, pruneRequest, pruneText } from './prune.ts';
export { formatPruneList, parsePruneList, pruneListOf } from './prune-list.ts';
export { findStaticParts } from './static-parts.ts';
export type { PromptTexts, PruneList, StaticPart } from './types.ts';
