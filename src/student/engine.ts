import type { FeatureContribution } from '../classifier/index.ts';
import type { Reason } from './types.ts';

/** Features by name, as reasons for an answer; the nameless dimensions of an embedding are none. */
export function named(features: readonly FeatureContribution[], target?: string): Reason[] {
  return features
    .filter(({ kind }) => kind !== 'dimension')
    .map(({ kind, text, contribution }) => ({ kind, feature: text, contribution, ...(target === undefined ? {} : { target }) }));
}
