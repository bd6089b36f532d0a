export type { RecordedAnswer } from './recorded-answer.ts';
export { loadRecording, type RecordedRow, Recording } from './recording.ts';
export { ClientRegistry, providers } from './registry.ts';
export { replayClient } from './replay.ts';
export { studentClient } from './student.ts';
export type { CallContext, ClientDeps, ModelClient, ModelSource, ProviderRow, StudentAnswer, StudentModel } from './types.ts';
