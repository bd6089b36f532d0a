export { loadRecording } from './recording.ts';
export { ClientRegistry, providers } from './registry.ts';
export { studentClient } from './student.ts';
export type { CallContext, ClientDeps, ModelClient } from './types.ts';
