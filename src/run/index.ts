export { answerKey, bodyHash, captureBody, requestFraction } from './capture.ts';
export {
  type Budget,
  type BudgetScope,
  type BudgetState,
  Ledger,
  type Limits,
  type Payer,
  type Reservation,
} from './ledger.ts';
export { estimateInputTokens, type WorstCase, worstCost } from './ledger-estimate.ts';
export { restoreLedger } from './ledger-history.ts';
export { createRecorder, type Recorder, type RecorderState } from './recorder.ts';
export { Ingest } from './recorder-ingest.ts';
export type {
  IngestOrder,
  IngestThreadData,
  StoreLocation,
} from './recorder-protocol.ts';
export { redact, redactBody } from './redact.ts';
export { runStep, streamStep } from './run-step.ts';
export type { Body } from './spool-record.ts';
export { systemTimer } from './timer.ts';
export type * from './types.ts';
