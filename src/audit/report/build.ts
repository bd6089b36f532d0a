import { type EpochMs, toUsd } from '../../core/index.ts';
import type { PriceBook } from '../../pricing/index.ts';
import { adviceFor, type MoveOption, type Recommendation } from '../recommend/index.ts';
import type { DiscoveredTask, Discovery } from '../tasks/index.ts';
import type { ReadReport } from '../types.ts';
import type { Audit, AuditDocument, AuditedTask, DollarRange, Reconciliation, TaskDetail } from './types.ts';

/** What an audit is made of. */
export interface AuditParts {
  readonly report: ReadReport;
  readonly discovery: Discovery;
  readonly book: PriceBook;
  readonly at: EpochMs;
  /** Names that somebody gave, by id or fingerprint, or by the beginning of one. */
  readonly names: Readonly<Record<string, string>>;
  readonly reconciliation: readonly Reconciliation[];
}

/** Puts the parts of an audit together: tasks by spend with their recommendations, sums, and what is behind each figure. */
export function buildAudit({ report, discovery, book, at, names, reconciliation }: AuditParts): Audit {
  const spend = toUsd(report.cost);
  const shareOf = (cost: number, calls: number) => (report.cost > 0 ? cost / report.cost : report.calls > 0 ? calls / report.calls : 0);
  const details = discovery.tasks.map((found): TaskDetail => {
    const { facts, best, others } = adviceFor(found, book, at);
    const { profile } = found;
    const models = [...profile.models.values()].sort((a, b) => b.cost - a.cost || b.calls - a.calls);
    const task: AuditedTask = {
      id: found.id,
      name: givenName(found, names) ?? found.name,
      kind: found.kind,
      calls: profile.calls,
      spendUsd: toUsd(profile.cost),
      share: shareOf(profile.cost, profile.calls),
      models: models.map(({ provider, model, calls, cost }) => ({ provider, model, calls, spendUsd: toUsd(cost) })),
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
    reconciliation,
    unpriced: report.unpriced,
    flags: report.flags,
    files: report.files,
  };
  return { document, details };
}

function recommendationOf({ move, tested, reason, low, base, high, proof }: MoveOption): Recommendation {
  return { move, tested, reason, low, base, high, proof };
}

function sumOf(details: readonly TaskDetail[], tested: boolean): DollarRange {
  const best = details.flatMap((detail) => (detail.best.tested === tested ? [detail.best] : []));
  const sum = (pick: (option: MoveOption) => number) => best.reduce((all, option) => all + pick(option), 0);
  return { low: sum(({ low }) => low), base: sum(({ base }) => base), high: sum(({ high }) => high) };
}

/** The name that somebody gave a task by its id or by the beginning of one of its fingerprints; null for none. */
export function givenName(
  { id, fingerprints }: Pick<DiscoveredTask, 'id' | 'fingerprints'>,
  names: Readonly<Record<string, string>>,
): string | null {
  for (const [key, name] of Object.entries(names)) {
    if (key === id || fingerprints.some((hash) => hash.startsWith(key))) return name;
  }
  return null;
}
