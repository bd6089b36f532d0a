export { nearDuplicateGroups, nearestAcross, StreamGroups } from './groups.ts';
export { shinglesOf, WORD_SHINGLES } from './shingles.ts';
