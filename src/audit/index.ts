export { auditFormats } from './detect.ts';
export { type Invoice, type InvoiceLine, type InvoiceReconciliation, type Reconciled, readInvoice, reconcileInvoice } from './invoice.ts';
export { readAudit } from './read.ts';
export {
  adviceFor,
  type CandidateModel,
  type Move,
  type MoveOption,
  type MoveRow,
  moves,
  type Recommendation,
  type TaskAdvice,
} from './recommend/index.ts';
export {
  type Audit,
  type AuditDocument,
  type AuditedTask,
  auditCsv,
  auditPage,
  buildAudit,
  type DollarRange,
  type ReconciledLine,
  type Reconciliation,
  type TaskDetail,
  usd,
} from './report/index.ts';
export { type DiscoveredTask, type Discovery, TaskDiscovery, type TaskKind } from './tasks/index.ts';
export type * from './types.ts';
