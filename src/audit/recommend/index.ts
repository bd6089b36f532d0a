export { moves } from './moves.ts';
export { adviceFor, type TaskAdvice } from './recommend.ts';
export type { CandidateModel, Move, MoveOption, MoveRow, Recommendation, TaskFacts } from './types.ts';
