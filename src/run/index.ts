export { runStep } from './run-step.ts';
export { systemTimer } from './timer.ts';
export type * from './types.ts';
