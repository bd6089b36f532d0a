export { errorBudget } from './budget.ts';
export { certify } from './certify.ts';
export { eValue, gradedLogEValue, logEValue, pOfLogE } from './evalue.ts';
export { type HarmCounts, harmLowerBound, harmTest } from './harm.ts';
export { evalueUnitsNeeded, harmUnitsNeeded, pairsNeeded, type SampleGoal } from './sample-size.ts';
export { gradedScoreTest, scoreTest } from './score.ts';
export { fixedSequence, holm, jointFixedSequences, type SequenceEnd } from './sequence.ts';
export type { CertifyOptions, CertifyResult, GradedUnits, GridPoint, PairCounts } from './types.ts';
