export { AnswerBook } from './answer-book.ts';
export { askInBatches, type RoundProgress } from './ask-in-batches.ts';
export { BatchCalls } from './batch-calls.ts';
export { cancelBatch } from './drive-batch.ts';
export { Rounds } from './rounds.ts';
