import { aurc, auroc, brier, coverageAt, eAurc, ece, type ReliabilityBin, reliabilityBins } from './reliability.ts';

/** How good a confidence is, measured on rows that it was not fitted on. Measures that the rows cannot give are null. */
export interface ReliabilityReport {
  readonly n: number;
  readonly accuracy: number | null;
  readonly meanConfidence: number | null;
  readonly ece: number | null;
  readonly brier: number | null;
  readonly auroc: number | null;
  readonly aurc: number | null;
  readonly eAurc: number | null;
  /** Share that can be accepted at 95 % and 98 % selective accuracy: oracle thresholds, for display and never for routing. */
  readonly coverage95: number;
  readonly coverage98: number;
  readonly bins: readonly ReliabilityBin[];
}

/** Every measure of reliability at once, with 15 equal-mass bins. */
export function reliabilityReport(probabilities: readonly number[], outcomes: readonly number[]): ReliabilityReport {
  return {
    n: probabilities.length,
    accuracy: mean(outcomes),
    meanConfidence: mean(probabilities),
    ece: ece(probabilities, outcomes),
    brier: brier(probabilities, outcomes),
    auroc: auroc(probabilities, outcomes),
    aurc: aurc(probabilities, outcomes),
    eAurc: eAurc(probabilities, outcomes),
    coverage95: coverageAt(probabilities, outcomes, 0.95).coverage,
    coverage98: coverageAt(probabilities, outcomes, 0.98).coverage,
    bins: reliabilityBins(probabilities, outcomes),
  };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
