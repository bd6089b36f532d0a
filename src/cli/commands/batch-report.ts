import type { BatchSummary, Estimate } from '../../batch/index.ts';
import { count, counted } from '../table.ts';

/** What a job is likely to cost, for people. */
export function describeEstimate({ rows, sampled, lowUsd, highUsd, unpriced }: Estimate, maxCost: number | undefined): string {
  const from = sampled < rows ? `, from the first ${count(sampled)}` : '';
  if (rows === 0) return 'The input holds no rows.\n';
  const lines =
    lowUsd === null || highUsd === null
      ? [`${counted(rows, 'row')}. What they cost is not known: ${unpriced.join(', ')} has no price; declare one with the model.`]
      : [
          `${counted(rows, 'row')}, ${usd(lowUsd)} to ${usd(highUsd)}${from}: every step by its cheapest rung, and every rung asked. An estimate; nothing was asked.`,
        ];
  if (maxCost !== undefined && lowUsd !== null && lowUsd > maxCost)
    lines.push(`That is more than --max-cost ${usd(maxCost)}: the job will stop there.`);
  return `${lines.join('\n')}\n`;
}

/** What a job did, for people. */
export function describeSummary(summary: BatchSummary, files: { readonly output: string; readonly errors: string }): string {
  const { rows, done, failed, skipped, costUsd, rowsPerSecond, escalated, atRisk, reused, stopped } = summary;
  return [
    `${count(done)} of ${counted(rows, 'row')} done, ${count(failed)} failed${skipped === 0 ? '' : `, ${count(skipped)} finished before`}; ${rowsPerSecond.toFixed(rowsPerSecond < 10 ? 1 : 0)} rows/s.`,
    `${costUsd === null ? 'Cost unknown: a call is unpriced' : usd(costUsd)}; ${counted(escalated, 'row')} escalated.`,
    ...(reused === 0 ? [] : [`${counted(reused, 'answer of the earlier run was', 'answers of the earlier run were')} used again.`]),
    ...(atRisk === 0 ? [] : [`${counted(atRisk, 'call was', 'calls were')} under way when the earlier run ended, and asked again.`]),
    ...(failed === 0 ? [] : [`Rows that failed, and why: ${files.errors}`]),
    ...(stopped === null ? [] : [why(summary)]),
    `Written to ${files.output}.`,
    '',
  ].join('\n');
}

function why({ stopped, error }: BatchSummary): string {
  if (stopped === 'max-cost') return 'Stopped by --max-cost.';
  if (stopped === 'upstream') return `Stopped, because no row gets an answer any more: ${error?.message ?? 'the provider fails'}`;
  return 'Stopped.';
}

function usd(amount: number): string {
  return amount === 0 ? '$0' : amount >= 1 ? `$${amount.toFixed(2)}` : `$${Number(amount.toPrecision(3))}`;
}
