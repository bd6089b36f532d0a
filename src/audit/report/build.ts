import { type EpochMs, toUsd } from '../../core/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import type { InvoiceReconciliation, Reconciled } from '../invoice.ts';
import { adviceFor, type MoveOption, type Recommendation } from '../recommend/index.ts';
import type { Discovery } from '../tasks/index.ts';
import type { ReadReport } from '../types.ts';
import type { Audit, AuditDocument, AuditedTask, DollarRange, ReconciledLine, Reconciliation, TaskDetail } from './types.ts';

/** What an audit is made of. */
export interface AuditParts {
  readonly report: ReadReport;
  readonly discovery: Discovery;
  readonly book: PriceBook;
  readonly at: EpochMs;
  /** The name that somebody gave to one of some ids and fingerprints; null for none. */
  readonly nameOf: (hashes: readonly string[]) => string | null;
  /** Null without an invoice. */
  readonly reconciliation: InvoiceReconciliation | null;
}

/** Puts the parts of an audit together: tasks by spend with their recommendations, sums, and what is behind each figure. */
export function buildAudit({ report, discovery, book, at, nameOf, reconciliation }: AuditParts): Audit {
  const spend = toUsd(report.cost);
  const shareOf = (cost: number, calls: number) => (report.cost > 0 ? cost / report.cost : report.calls > 0 ? calls / report.calls : 0);
  const details = discovery.tasks.map((found): TaskDetail => {
    const { facts, best, others } = adviceFor(found, book, at);
    const { profile } = found;
    const models = [...profile.models.values()].sort((a, b) => b.cost - a.cost || b.calls - a.calls);
    const task: AuditedTask = {
      id: found.id,
      name: nameOf([found.id, ...found.fingerprints]) ?? found.name,
      kind: found.kind,
      calls: profile.calls,
      spendUsd: toUsd(profile.cost),
      share: shareOf(profile.cost, profile.calls),
      models: [...new Set(models.map(({ model }) => model))],
      recommendation: recommendationOf(best),
    };
    return {
      ...{ task, facts, best, others, models, template: found.template, foundBy: found.foundBy, versions: found.versions },
      ...{
        fingerprints: found.fingerprints,
        labels: found.kind === 'label' ? profile.shape.commonLabels : [],
        firstLine: profile.firstLine,
      },
    };
  });
  const { unassigned } = discovery;
  const document: AuditDocument = {
    rows: { read: report.rows.read, kept: report.rows.kept, joined: report.rows.joined, skipped: report.rows.skipped },
    totals: {
      calls: report.calls,
      spendUsd: spend,
      reportedUsd: toUsd(report.reportedCost),
      unpricedCalls: report.unpricedCalls,
      unassignedShare: shareOf(unassigned.cost, unassigned.calls),
      unassignedCalls: unassigned.calls,
      from: report.firstAt === null ? null : new Date(report.firstAt).toISOString(),
      to: report.lastAt === null ? null : new Date(report.lastAt).toISOString(),
    },
    tasks: details.map(({ task }) => task),
    savings: { tested: sumOf(details, true), untested: sumOf(details, false) },
    reconciliation: reconciliation === null ? null : inDollars(reconciliation),
    unpriced: report.unpriced,
    flags: report.flags,
    files: report.files,
  };
  return { document, details };
}

function inDollars({ total, explained, days, models }: InvoiceReconciliation): Reconciliation {
  const line = ({ name, invoiced, logged, difference, unpricedCalls }: Reconciled): ReconciledLine => ({
    ...{ name, invoicedUsd: toUsd(invoiced), loggedUsd: toUsd(logged), differenceUsd: toUsd(difference), unpricedCalls },
  });
  return { ...line(total), explained, days: days.map(line), models: models.map(line) };
}

function recommendationOf({ move, tested, reason, low, base, high, proof }: MoveOption): Recommendation {
  return { move, tested, reason, low, base, high, proof };
}

function sumOf(details: readonly TaskDetail[], tested: boolean): DollarRange {
  const best = details.flatMap((detail) => (detail.best.tested === tested ? [detail.best] : []));
  const sum = (pick: (option: MoveOption) => number) => best.reduce((all, option) => all + pick(option), 0);
  return { low: sum(({ low }) => low), base: sum(({ base }) => base), high: sum(({ high }) => high) };
}
