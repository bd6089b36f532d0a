export { createRecorder, type Recorder, type RecorderOptions, type RecorderState } from './recorder.ts';
export { Ingest, type IngestDeps } from './recorder-ingest.ts';
export type {
  IngestOrder,
  IngestReport,
  IngestSettings,
  IngestThreadData,
  IngestTrouble,
  Retention,
  StoreLocation,
} from './recorder-protocol.ts';
export { runStep } from './run-step.ts';
export type { Body } from './spool-record.ts';
export { systemTimer } from './timer.ts';
export type * from './types.ts';
