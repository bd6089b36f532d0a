export { nearDuplicateGroups, nearestAcross, StreamGroups } from './groups.ts';
export { jaccard, shinglesOf, WORD_SHINGLES } from './shingles.ts';
export { UnionFind } from './union-find.ts';
