export { evaluate } from './evaluate.ts';
export { promptedRequest } from './question.ts';
export { checkSet, readSet } from './set.ts';
export type { Comparison, EvalDeps, EvalJudge, EvalPlan, EvalProgress, EvalReport, ModelReport } from './types.ts';
