export { moves } from './moves.ts';
export { adviceFor, type TaskAdvice } from './recommend.ts';
export type { Move, MoveOption, MoveRow, Recommendation, TaskFacts } from './types.ts';
