export { type Estimate, Estimator } from './estimate.ts';
export { type JobFolder, openJobFolder } from './job-folder.ts';
export { Journal } from './journal.ts';
export { KeptCalls } from './kept-calls.ts';
export { Pacer } from './pacer.ts';
export * from './provider-mode/index.ts';
export { countRows, inputVersion, readRows } from './read-rows.ts';
export { runBatch } from './run-batch.ts';
export type { BatchProgress, BatchSummary } from './types.ts';
