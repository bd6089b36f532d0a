export { type DiscoveredTask, type Discovery, TaskDiscovery, type TaskEvidence } from './discover.ts';
export { asName } from './naming.ts';
export type { TaskKind } from './output-shape.ts';
export type { ModelSums, TaskProfile } from './profile.ts';
