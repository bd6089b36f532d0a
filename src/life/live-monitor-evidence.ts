import type { Certificate } from '../core/index.ts';
import type { CovariateReference } from '../monitor/index.ts';
import type { StoredPair } from '../store/types.ts';
import type { WatchedCertificate } from './live-monitor-types.ts';

/** Whether the certified policy gives the small model's answer to a pair's request. */
export function acceptsPair(
  { verdict, threshold, accepted }: Pick<WatchedCertificate, 'verdict' | 'threshold' | 'accepted'>,
  pair: Pick<StoredPair, 'confidence' | 'skip'>,
): boolean {
  if (pair.skip || verdict === 'frontier') return false;
  if (verdict === 'cascade') return threshold !== null && pair.confidence !== null && pair.confidence >= threshold;
  // A swap whose evidence escalated rows without confidence escalates them in traffic too.
  return pair.confidence !== null || accepted === 1;
}

/** Where a swap, which has no threshold of its own, can fall back to. */
const SAFER_THAN_SWAP = [0.5, 0.75, 0.9] as const;

/**
 * Stricter thresholds to watch beside a certificate, fixed by it alone: the quarters of the way from its threshold to certainty. None
 * without a confidence signal. To pick them by the audits that also test them would void the test.
 */
export function saferThresholds({ verdict, threshold, signal }: Pick<Certificate, 'verdict' | 'threshold' | 'signal'>): readonly number[] {
  if (verdict === 'frontier' || signal === null) return [];
  if (threshold === null) return verdict === 'swap' ? SAFER_THAN_SWAP : [];
  return [0.25, 0.5, 0.75].map((part) => threshold + part * (1 - threshold)).filter((safer) => safer > threshold);
}

/**
 * What requests looked like when the certificate was issued, from the pairs that it was issued on. The category is the label that the
 * policy gives, for tasks whose outputs are labels; the length is known where the task's capture keeps texts.
 */
export function covariateReference(
  pairs: readonly StoredPair[],
  certificate: Pick<WatchedCertificate, 'verdict' | 'threshold' | 'accepted'>,
  outputsAreLabels: boolean,
): CovariateReference {
  return pairs.map((pair) => ({
    confidence: pair.confidence,
    length: pair.input?.length ?? null,
    category: outputsAreLabels ? (acceptsPair(certificate, pair) ? pair.smallOutput : pair.bigOutput) : null,
  }));
}
