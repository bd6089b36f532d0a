export { ByteCache, type ByteSpan } from './byte-cache.ts';
export { type Fingerprint, fingerprintOf, leadingPart, type PromptTemplate } from './fingerprint.ts';
export { maskTemplate } from './mask.ts';
