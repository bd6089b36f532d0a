export { changeStrings, PRIVATE_KINDS, type PrivateCounts, type PrivateKind, scrub } from './private-text.ts';
