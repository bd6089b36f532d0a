export { type Agreement, agreementOf } from './agreement.ts';
export { type SignalBound, signalBound } from './bound.ts';
export { type Calibrator, calibrate, fitCalibrator, IDENTITY, ISOTONIC_FROM, parseCalibrator } from './calibrator.ts';
export { type ChosenSignal, chooseSignal, columnOf, type SignalChoice, type SignalRow, type SignalScore, scoreSignals } from './choose.ts';
export { fitIsotonic, type IsotonicCalibrator } from './isotonic.ts';
export { fitPlatt, type PlattCalibrator } from './platt.ts';
export {
  aurc,
  auroc,
  aurocHarm,
  brier,
  coverageAt,
  eAurc,
  ece,
  type ReliabilityBin,
  type RiskCoveragePoint,
  reliabilityBins,
  riskCoverage,
} from './reliability.ts';
export { type ReliabilityReport, reliabilityReport } from './report.ts';
export { preferredSignal, SIGNAL_PREFERENCE, signalsOf, signalValue, signalValues, whyIncomplete } from './signals.ts';
export type { Signal, SignalName, Signals } from './types.ts';
