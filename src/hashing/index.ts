export { HashIndex } from './hash-index.ts';
export { mix } from './mix.ts';
