import { type ReliabilityReport, type RiskCoveragePoint, reliabilityReport, riskCoverage } from '../confidence/index.ts';
import type { LockedCertificate } from '../config/index.ts';
import type { StoredPair } from '../store/types.ts';
import { parseGate } from '../triage/index.ts';
import { confidenceReader, type FrozenConfidence } from './look-confidence.ts';

/** How well a certificate's confidence tells right from wrong, on uniform draws. */
export interface ReviewCurves {
  readonly reliability: ReliabilityReport;
  readonly riskCoverage: readonly RiskCoveragePoint[];
  /** Drawn where the policy accepts from; null for a swap. */
  readonly threshold: number | null;
}

/** A certificate's way of reading confidence; none where it reads the first tokens alone, of which stored signals say nothing. */
function frozenOf({ signal, calibrator, gate, classifier }: LockedCertificate): FrozenConfidence {
  return {
    signal,
    gate: classifier === undefined ? null : parseGate(classifier),
    calibrator: gate === null ? calibrator : null,
    grid: null,
    scores: [],
    gateTrial: null,
  };
}

/** Confidence of a stored pair as a certificate reads it; null where it has none. */
export function certificateConfidence(certificate: LockedCertificate): (pair: StoredPair) => number | null {
  return confidenceReader(frozenOf(certificate));
}

/** Curves of the small model's answers by the confidence that the certificate reads; null where no uniform pair has one. */
export function reviewCurves(pairs: readonly StoredPair[], certificate: LockedCertificate): ReviewCurves | null {
  const read = certificateConfidence(certificate);
  const rows = pairs
    .filter(({ drawn, small, big, skip }) => drawn === 'uniform' && !skip && small === certificate.small && big === certificate.big)
    .flatMap((pair) => {
      const confidence = read(pair);
      return confidence === null ? [] : [{ confidence, quality: pair.smallQuality }];
    });
  if (rows.length === 0) return null;
  const confidences = rows.map(({ confidence }) => confidence);
  const qualities = rows.map(({ quality }) => quality);
  return {
    reliability: reliabilityReport(confidences, qualities),
    riskCoverage: riskCoverage(confidences, qualities),
    threshold: certificate.threshold,
  };
}
