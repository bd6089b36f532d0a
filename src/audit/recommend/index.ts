export { adviceFor } from './recommend.ts';
export type { MoveOption, Recommendation, TaskFacts } from './types.ts';
