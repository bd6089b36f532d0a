export { runController } from './controller.ts';
export type { ControllerWorld, DelegableTask, PlanTurn } from './controller-types.ts';
export { Purse } from './purse.ts';
export { rowOf, stepRow } from './record.ts';
export { runPipeline } from './run-pipeline.ts';
export type * from './types.ts';
