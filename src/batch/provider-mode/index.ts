export { AnswerBook } from './answer-book.ts';
export { askInBatches, type RoundProgress } from './ask-in-batches.ts';
export { BatchCalls } from './batch-calls.ts';
export { cancelBatch, type DriveDeps } from './drive-batch.ts';
export { type KeptBatch, Rounds } from './rounds.ts';
