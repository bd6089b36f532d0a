export { nearDuplicateGroups, nearestAcross, StreamGroups } from './groups.ts';
export { jaccard, shinglesOf, tokenShingles, WORD_SHINGLES } from './shingles.ts';
export { UnionFind } from './union-find.ts';
