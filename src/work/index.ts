export { type Collected, collectResults } from './collect.ts';
export { insistOnStore } from './insist.ts';
export { connectRedis } from './peers.ts';
export { CellQueues } from './queue.ts';
export { Slots } from './slots.ts';
export { pause, type SubmitOptions, submitRows } from './submit.ts';
export { WorkCalls } from './work-calls.ts';
export { type WorkerOptions, WorkerProcess, type WorkerSummary } from './worker.ts';
