import { type Audit, type AuditDocument, type DollarRange, usd } from '../../audit/index.ts';
import { count, counted, percent, renderTable } from '../table.ts';

const SHOWN = 25;

/** An audit for a terminal. */
export function auditText({ document, details }: Audit): string {
  const { totals, rows, savings, tasks } = document;
  const span = totals.from === null ? '' : `, ${totals.from.slice(0, 10)} to ${(totals.to ?? totals.from).slice(0, 10)} (UTC)`;
  const head = `${counted(totals.calls, 'call')} for ${usd(totals.spendUsd)}${span}; ${count(rows.kept)} of ${counted(rows.read, 'row')} kept.\n`;
  if (totals.calls === 0) return `${head}There is no call in these files.\n${invoiceText(document)}`;
  const right = (text: string) => ({ head: text, align: 'right' as const });
  const columns = [
    { head: 'task' },
    { head: 'kind' },
    right('calls'),
    right('spend'),
    right('share'),
    { head: 'move' },
    { head: '' },
    right('low'),
    right('base'),
    right('high'),
  ];
  const cells = tasks
    .slice(0, SHOWN)
    .map(({ name, kind, calls, spendUsd, share, recommendation: { move, tested, low, base, high } }) => [
      ...[clean(name), kind, count(calls), usd(spendUsd), percent(share), move],
      ...(move === 'keep' ? ['', '', '', ''] : [tested ? 'tested' : 'untested', usd(low), usd(base), usd(high)]),
    ]);
  const rest = tasks.length > SHOWN ? `… and ${count(tasks.length - SHOWN)} smaller tasks (--json or --csv has them all).\n` : '';
  const unassigned = `${percent(totals.unassignedShare)} of spend (${counted(totals.unassignedCalls, 'call')}) has no task.\n`;
  const reasons = details
    .slice(0, SHOWN)
    .filter(({ best }) => best.move !== 'keep')
    .map(
      ({ task, best }) =>
        `${clean(task.name)}: ${best.move}${best.candidate === null ? '' : ` to ${best.candidate.model}`}. ${best.reason}\n  n = ${count(best.n)}; ${best.formula}\n  Proof: ${best.proof}\n`,
    );
  return `${head}\n${renderTable(columns, cells)}${rest}${unassigned}
Could be saved, of these calls (low / base / high):
  tested    ${rangeText(savings.tested)}
  untested  ${rangeText(savings.untested)}
Tested is what the log itself shows; untested is a projection. They are not to be added.
${invoiceText(document)}${reasons.length === 0 ? '' : `\n${reasons.join('\n')}`}`;
}

function rangeText({ low, base, high }: DollarRange): string {
  return `${usd(low)} / ${usd(base)} / ${usd(high)}`;
}

function invoiceText({ reconciliation }: AuditDocument): string {
  if (reconciliation === null) return '';
  const { invoicedUsd, loggedUsd, differenceUsd, explained } = reconciliation;
  return `Invoiced ${usd(invoicedUsd)}, in the log ${usd(loggedUsd)}: ${percent(explained)} of it; difference ${usd(differenceUsd)}.\n`;
}

/** Names come out of logs: what a terminal would obey is shown as a question mark. */
function clean(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}
