export { buildAudit } from './build.ts';
export { auditCsv } from './csv.ts';
export { auditPage, usd } from './html.ts';
export { reconcile } from './reconcile.ts';
export type { Audit, AuditDocument, AuditedTask, DollarRange, Reconciliation, TaskDetail } from './types.ts';
