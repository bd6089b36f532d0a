export * from './catalogue.ts';
export * from './declared.ts';
export * from './listing.ts';
export * from './normalise.ts';
export * from './price-book.ts';
export { bookLines, fallbacks, rateOf, totalOf, usageProblem } from './rates.ts';
export * from './service-tiers.ts';
export * from './tokens.ts';
export * from './types.ts';
