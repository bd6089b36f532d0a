import { formatUsd, nanoUsd } from '../../core/index.ts';
import { count, counted, percent, renderTable } from '../table.ts';
import type { CandidateEstimate, CandidateStatus, ShadowEstimateDocument, ShadowStatusDocument } from './shadow-types.ts';

const right = (head: string) => ({ head, align: 'right' as const });

/** The estimate as tables, for people. */
export function estimateText(document: ShadowEstimateDocument): string {
  if (document.tasks.length === 0) return NOBODY;
  return document.tasks
    .map((task) => {
      const asks = task.configured
        ? `${percent(task.share, 0)} of them asked in the background`
        : `not asked in the background; as if ${percent(task.share, 0)} were`;
      const title = `${task.task}: ${counted(Math.round(task.requestsPerDay), 'request')} a day, ${asks}`;
      const columns = [
        { head: 'candidate' },
        right('a call'),
        right('pairs a day'),
        right('cost a day'),
        right('next look in'),
        right('likely certified in'),
        right('that costs'),
      ];
      return `${title}\n\n${renderTable(columns, task.candidates.map(estimateCells))}${limitNotes(task.candidates)}`;
    })
    .join('\n');
}

/** The status as tables, for people. */
export function statusText(document: ShadowStatusDocument): string {
  if (document.tasks.length === 0) return NOBODY;
  return document.tasks
    .map((task) => {
      const spent = `${dollars(task.spentUsd)} spent on shadow calls${task.usdTotalLimit === null ? '' : ` of ${dollars(task.usdTotalLimit)}`}`;
      const columns = [
        { head: 'candidate' },
        right('pairs'),
        right('FIT'),
        right('CERTIFY'),
        right('REPORT'),
        right('next look at'),
        right('looks'),
        { head: 'last look' },
      ];
      const table = renderTable(columns, task.candidates.map(statusCells));
      return `${task.task} (${task.mode}): ${spent}\n\n${table}${leftOutNotes(task.candidates)}`;
    })
    .join('\n');
}

const NOBODY = 'No task has a candidate to look at: a ladder of two models or more in a task that is not only observed.\n';

function estimateCells(candidate: CandidateEstimate): readonly string[] {
  return [
    candidate.small,
    dollars(candidate.usdPerCall),
    count(Math.round(candidate.pairsPerDay)),
    dollars(candidate.usdPerDay),
    days(candidate.daysToLook),
    days(candidate.daysToPass),
    dollars(candidate.usdToPass),
  ];
}

function limitNotes(candidates: readonly CandidateEstimate[]): string {
  const notes = candidates.flatMap(({ small, limitedBy, pairsToPass }) => [
    ...(limitedBy === 'unpriced' ? [`${small}: its price is not known, so it fits no limit and is not asked.`] : []),
    ...(limitedBy === 'day' ? [`${small}: the daily limit keeps it below the share.`] : []),
    ...(limitedBy === 'total' ? [`${small}: the whole sum is spent.`] : []),
    ...(pairsToPass === null ? [`${small}: the last look found less than the floor; more pairs do not help.`] : []),
  ]);
  return notes.length === 0 ? '' : `${notes.join('\n')}\n`;
}

function statusCells(candidate: CandidateStatus): readonly string[] {
  const { small, pairs, parts, next, looks } = candidate;
  const last = looks.at(-1);
  const found = last === undefined ? 'none yet' : `${last.verdict}, ${percent(last.retained)} kept, at least ${percent(last.lowerBound)}`;
  return [
    small,
    count(pairs),
    count(parts.fit),
    count(parts.certify),
    count(parts.report),
    next === null ? '–' : count(next.at),
    count(looks.length),
    found,
  ];
}

function leftOutNotes(candidates: readonly CandidateStatus[]): string {
  const notes = candidates.flatMap(({ small, leftOut }) => {
    const reasons = Object.entries(leftOut).filter(([, rows]) => rows > 0);
    return reasons.length === 0 ? [] : [`${small}, left out: ${reasons.map(([reason, rows]) => `${count(rows)} ${reason}`).join(', ')}`];
  });
  return notes.length === 0 ? '' : `${notes.join('\n')}\n`;
}

function dollars(amount: number | null): string {
  return amount === null ? '–' : formatUsd(nanoUsd(amount));
}

function days(amount: number | null): string {
  if (amount === null) return 'never';
  if (amount === 0) return 'now';
  return amount < 2 ? `${Math.max(1, Math.round(amount * 24))} hours` : `${count(Math.ceil(amount))} days`;
}
