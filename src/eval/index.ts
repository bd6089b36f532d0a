export { type EvalOutcome, evaluate } from './evaluate.ts';
export { checkSet, readSet, type SetSummary } from './set.ts';
export type { Comparison, Disagreement, EvalDeps, EvalItem, EvalPlan, EvalProgress, EvalReport, ModelReport } from './types.ts';
