import type { MoveOption, Recommendation, TaskFacts } from '../recommend/index.ts';
import type { ModelSums, TaskKind } from '../tasks/index.ts';
import type { AuditFile, SkippedRows, UnpricedCalls, UsageFlag } from '../types.ts';

/** Dollars of a projection. */
export interface DollarRange {
  readonly low: number;
  readonly base: number;
  readonly high: number;
}

/** A task of the audit, as `--json` prints it. Dollars are of the calls in the log. */
export interface AuditedTask {
  readonly id: string;
  readonly name: string;
  readonly kind: TaskKind;
  readonly calls: number;
  readonly spendUsd: number;
  /** Of all spend; of all calls where nothing has a price. */
  readonly share: number;
  /** Names of the models that answered, by spend. */
  readonly models: readonly string[];
  readonly recommendation: Recommendation;
}

/** An invoice beside the log: of all, of a day or of a model. */
export interface ReconciledLine {
  /** Null for the whole, and where one side does not say. */
  readonly name: string | null;
  readonly invoicedUsd: number;
  readonly loggedUsd: number;
  /** Invoiced − logged: what the log does not show. */
  readonly differenceUsd: number;
  /** Calls of it without a price: a part of the difference that is explained. */
  readonly unpricedCalls: number;
}

/** The provider's own figures beside the log's. */
export interface Reconciliation extends ReconciledLine {
  /** Share of the invoice that the log explains; null for an invoice of nothing. */
  readonly explained: number | null;
  readonly days: readonly ReconciledLine[];
  readonly models: readonly ReconciledLine[];
}

/** What `smallfirst audit --json` prints. */
export interface AuditDocument {
  readonly rows: { readonly read: number; readonly kept: number; readonly joined: number; readonly skipped: readonly SkippedRows[] };
  readonly totals: {
    readonly calls: number;
    readonly spendUsd: number;
    readonly reportedUsd: number;
    readonly unpricedCalls: number;
    /** Share of spend without a task; of calls where nothing has a price. */
    readonly unassignedShare: number;
    readonly unassignedCalls: number;
    readonly from: string | null;
    readonly to: string | null;
  };
  readonly tasks: readonly AuditedTask[];
  /** Sums over the tasks' recommendations. The two are never added: one was seen, the other is projected. */
  readonly savings: { readonly tested: DollarRange; readonly untested: DollarRange };
  /** Null without an invoice. */
  readonly reconciliation: Reconciliation | null;
  readonly unpriced: readonly UnpricedCalls[];
  readonly flags: readonly UsageFlag[];
  readonly files: readonly AuditFile[];
}

/** What stands behind a task's figures, for reports that show it. */
export interface TaskDetail {
  readonly task: AuditedTask;
  readonly facts: TaskFacts;
  readonly best: MoveOption;
  readonly others: readonly MoveOption[];
  readonly models: readonly ModelSums[];
  readonly template: string | null;
  readonly foundBy: string;
  readonly versions: number;
  readonly fingerprints: readonly string[];
  readonly labels: readonly string[];
  readonly firstLine: string;
}

/** An audit: the document, and what stands behind it. */
export interface Audit {
  readonly document: AuditDocument;
  readonly details: readonly TaskDetail[];
}
