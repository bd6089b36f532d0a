export { auditFormats } from './detect.ts';
export { type InvoiceReconciliation, readInvoice, reconcileInvoice } from './invoice.ts';
export { readAudit } from './read.ts';
export { type Audit, type AuditDocument, auditCsv, auditPage, buildAudit, type DollarRange, type TaskDetail, usd } from './report/index.ts';
export { CallSample, type SampledCall } from './sample.ts';
export { TaskDiscovery } from './tasks/index.ts';
export type * from './types.ts';
