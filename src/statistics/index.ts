export { betaQuantile, regularizedBeta } from './beta.ts';
export { binomialCdf, binomialPmf, mcnemarExact } from './binomial.ts';
export { logGamma, logSumExp } from './gamma.ts';
export { clopperPearson, type Interval, pairedBootstrap, quantileSorted, wilson } from './interval.ts';
export { normalCdf, normalQuantile } from './normal.ts';
export { type Random, seededRandom } from './random.ts';
