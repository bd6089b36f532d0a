export { collectResults } from './collect.ts';
export { insistOnStore } from './insist.ts';
export { connectRedis } from './peers.ts';
export { pause, submitRows } from './submit.ts';
export { WorkCalls } from './work-calls.ts';
export { WorkerProcess } from './worker.ts';
