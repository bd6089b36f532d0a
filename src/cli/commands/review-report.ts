import type { LockedCertificate } from '../../config/index.ts';
import { type EpochMs, formatUsd, type NanoUsd, nanoUsd, toUsd } from '../../core/index.ts';
import type { TaskReview } from '../../life/index.ts';
import { percent, renderTable } from '../table.ts';
import type { ReviewDocument } from './review-schema.ts';
import { isChange } from './review-write.ts';

export type ReviewedTask = ReviewDocument['tasks'][number];

/** A review as a document. `applied` says that the lock file holds it now. */
export function taskDocument(review: TaskReview, { prices, pins }: Pick<ReviewedTask, 'prices' | 'pins'>, applied: boolean): ReviewedTask {
  const { task, mode, verdict, reason, before, after, look, evidence, money, live, incidents } = review;
  const needsPerson = (isChange(review) && !applied) || verdict === 'void' || pins.some((pin) => pin.needsPerson);
  return {
    task,
    mode,
    verdict,
    reason,
    needsPerson,
    before: certificateDocument(before),
    after: certificateDocument(after),
    look: look === null ? null : { k: look.k, n: look.n, delta: look.delta },
    evidence: evidence.map((each) => ({ ...each })),
    monthly:
      money === null
        ? null
        : { requests: money.requests, ceilingUsd: usd(money.ceiling), beforeUsd: usd(money.before), afterUsd: usd(money.after) },
    live: live === null ? null : { retained: live.retained, low: live.low, high: live.high, rows: live.rows, audits: live.audits },
    incidents: incidents.map((event) => ({ at: instant(event.at), kind: event.kind, reason: event.reason })),
    prices: [...prices],
    pins: [...pins],
  };
}

/** A review as people read it: a line for each task, then why, then the diff. */
export function renderReview({ tasks, diff }: ReviewDocument): string {
  if (tasks.length === 0) return 'The config has no task: there is nothing to review.\n';
  const table = renderTable(
    [
      { head: 'task' },
      { head: 'verdict' },
      { head: 'n', align: 'right' },
      { head: 'look' },
      { head: 'keeps' },
      { head: 'at least' },
      { head: 'live' },
      { head: '$ a month' },
    ],
    tasks.map(({ task, verdict, look, before, after, live, monthly }) => [
      task,
      verdict,
      look === null ? String((after ?? before)?.pairs ?? '–') : String(look.n),
      look === null ? '–' : `${look.k} (δ ${look.delta.toPrecision(2)})`,
      change(before, after, ({ accepted }) => percent(accepted)),
      change(before, after, ({ retainedLowerBound }) => percent(retainedLowerBound)),
      live === null ? '–' : `${percent(live.retained)} [${percent(live.low)}, ${percent(live.high)}]`,
      monthly === null ? '–' : arrow(dollars(monthly.beforeUsd), dollars(monthly.afterUsd)),
    ]),
  );
  const details = tasks.map(
    ({ task, reason, incidents, prices, pins }) =>
      `\n${task}: ${reason}\n${[
        ...incidents.map(({ at, kind, reason: why }) => `- ${at.slice(0, 10)} ${kind}: ${why}\n`),
        ...prices.map(({ model, before, after, costRatio }) => {
          const times = costRatio === null ? '' : `: a recorded call costs ${costRatio.toPrecision(3)} times what it did`;
          return `- the price of ${model} was ${before} and is ${after ?? 'unknown'}${times}\n`;
        }),
        ...pins.map(({ message }) => `- ${message}\n`),
      ].join('')}`,
  );
  return [table, ...details, diff === '' ? '\nNothing changes in smallfirst.lock.\n' : `\n${diff}`].join('');
}

/** Dollars of a document, for people. */
export function dollars(value: number | null): string {
  return value === null ? '?' : formatUsd(nanoUsd(value));
}

function change(
  before: ReviewedTask['before'],
  after: ReviewedTask['after'],
  show: (certificate: NonNullable<ReviewedTask['after']>) => string,
): string {
  return arrow(before === null ? '–' : show(before), after === null ? '–' : show(after));
}

function arrow(before: string, after: string): string {
  return before === after ? after : `${before} → ${after}`;
}

function certificateDocument(certificate: LockedCertificate | null): ReviewedTask['before'] {
  if (certificate === null) return null;
  const { id, small, big, verdict, threshold, accepted, retained, retainedLowerBound, floor, pairs, issuedAt, expiresAt } = certificate;
  return {
    id,
    small,
    big,
    verdict,
    threshold,
    signal: certificate.signal,
    accepted,
    retained,
    retainedLowerBound,
    floor: floor.retain,
    pairs,
    issued: instant(issuedAt),
    expires: instant(expiresAt),
  };
}

function usd(amount: NanoUsd | null): number | null {
  return amount === null ? null : toUsd(amount);
}

function instant(time: EpochMs): string {
  return new Date(time).toISOString();
}
