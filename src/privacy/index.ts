export { changeStrings, PRIVATE_KINDS, type PrivateKind, scrub } from './private-text.ts';
