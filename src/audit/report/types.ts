import type { MoveOption, Recommendation, TaskFacts } from '../recommend/index.ts';
import type { ModelSums, TaskKind } from '../tasks/index.ts';
import type { AuditFile, SkippedRows, UnpricedCalls, UsageFlag } from '../types.ts';

/** Dollars of a projection. */
export interface DollarRange {
  readonly low: number;
  readonly base: number;
  readonly high: number;
}

/** What a model answered of a task. */
export interface AuditedModel {
  readonly provider: string | null;
  readonly model: string;
  readonly calls: number;
  readonly spendUsd: number;
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
  readonly models: readonly AuditedModel[];
  readonly recommendation: Recommendation;
}

/** A provider's own figure beside the log's, for the same span. */
export interface Reconciliation {
  readonly provider: string;
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly invoicedUsd: number;
  readonly loggedUsd: number;
  /** Invoiced − logged, and its share of what was invoiced. */
  readonly differenceUsd: number;
  readonly differenceShare: number | null;
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
  readonly reconciliation: readonly Reconciliation[];
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
