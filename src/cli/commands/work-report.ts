import { formatUsd, type Json, toUsd } from '../../core/index.ts';
import type { WorkJob } from '../../store/index.ts';
import { count, counted, renderTable } from '../table.ts';

/** A job as programs read it. Times are ISO 8601, money is in US dollars; `left` is null while rows are still to come. */
export function jobDocument(job: WorkJob): Record<string, Json> {
  const { id, pipeline, input, state, reason, rows, done, failed, escalated, duplicates, cellsLeft, cellsHeld } = job;
  return {
    id,
    pipeline,
    input,
    state,
    reason,
    loaded: job.isLoaded,
    createdAt: new Date(job.createdAt).toISOString(),
    finishedAt: job.finishedAt === null ? null : new Date(job.finishedAt).toISOString(),
    rows,
    done,
    failed,
    left: job.isLoaded ? rows - done - failed : null,
    escalated,
    duplicates,
    cells: { left: cellsLeft, underWay: cellsHeld },
    costUsd: job.isUnpriced ? null : toUsd(job.spent),
    reservedUsd: toUsd(job.reserved),
    maxCostUsd: job.maxCost === null ? null : toUsd(job.maxCost),
    concurrency: job.concurrency,
  };
}

/** Jobs as a table. */
export function describeJobs(jobs: readonly WorkJob[]): string {
  if (jobs.length === 0) return 'No jobs yet: `smallfirst jobs submit PIPELINE --input FILE` hands one over.\n';
  const heads = ['job', 'pipeline', 'state', 'rows', 'done', 'failed', 'under way', 'cost'].map((head, i) => ({
    head,
    ...(i > 2 ? { align: 'right' as const } : {}),
  }));
  const rows = jobs.map((job) => [
    job.id,
    job.pipeline,
    job.reason === null ? job.state : `${job.state} (${job.reason})`,
    `${count(job.rows)}${job.isLoaded ? '' : '+'}`,
    count(job.done),
    count(job.failed),
    count(job.cellsHeld),
    costOf(job),
  ]);
  return `${renderTable(heads, rows)}\n`;
}

/** One job in words. */
export function describeJob(job: WorkJob): string {
  const { state, reason, rows, done, failed, escalated, duplicates, cellsLeft, cellsHeld, maxCost } = job;
  const shown = reason === null ? state : `${state} (${reason})`;
  return [
    `${job.id}: ${job.pipeline} over ${job.input}, ${shown}.`,
    `${count(done)} of ${counted(rows, 'row')} done, ${count(failed)} failed${job.isLoaded ? '' : '; rows are still to come'}; ${count(escalated)} escalated.`,
    `${counted(cellsLeft, 'cell')} left, ${count(cellsHeld)} of them with a worker.`,
    `${costOf(job)}${maxCost === null ? '' : ` of at most ${formatUsd(maxCost)}`}.`,
    ...(duplicates === 0 ? [] : [`${counted(duplicates, 'row was', 'rows were')} answered twice; what came second was dropped.`]),
    ...(reason === 'max-cost' ? [`Go on with \`smallfirst jobs resume ${job.id} --max-cost USD\`.`] : []),
    ...(failed > 0 && state !== 'cancelled' ? [`Ask the failed rows again with \`smallfirst jobs retry ${job.id}\`.`] : []),
    '',
  ].join('\n');
}

function costOf({ isUnpriced, spent }: WorkJob): string {
  return isUnpriced ? 'cost unknown: a call is unpriced' : formatUsd(spent);
}
