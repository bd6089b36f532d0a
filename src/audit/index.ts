export { auditFormats } from './detect.ts';
export { readAudit } from './read.ts';
export type * from './types.ts';
