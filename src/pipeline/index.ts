export { type ControllerWorld, type DelegableTask, type PlanTurn, runController } from './controller.ts';
export { Purse } from './purse.ts';
export { rowOf, stepRow } from './record.ts';
export { runPipeline } from './run-pipeline.ts';
export type * from './types.ts';
