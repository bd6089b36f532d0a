export * from './feasible.ts';
export * from './licences.ts';
export * from './next-action.ts';
export * from './replay.ts';
export * from './replay-summary.ts';
export * from './types.ts';
