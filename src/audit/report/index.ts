export { buildAudit } from './build.ts';
export { auditCsv } from './csv.ts';
export { auditPage, usd } from './html.ts';
export type { Audit, AuditDocument, DollarRange, TaskDetail } from './types.ts';
