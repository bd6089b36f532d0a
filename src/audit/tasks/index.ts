export { type DiscoveredTask, type Discovery, TaskDiscovery } from './discover.ts';
export type { TaskKind } from './output-shape.ts';
export type { ModelSums, TaskProfile } from './profile.ts';
