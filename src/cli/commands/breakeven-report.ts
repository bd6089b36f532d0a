import { formatUsd, nanoUsd } from '../../core/index.ts';
import type { Move } from '../../finops/index.ts';
import { count, counted, percent, renderTable } from '../table.ts';
import type { Measured } from './breakeven-measure.ts';
import type { HostRow, Traffic } from './breakeven-options.ts';
import type { BreakevenDocument, BreakevenOption } from './breakeven-types.ts';

/** What the terminal shows beside the document. */
export interface BreakevenDetail {
  readonly traffic: Traffic;
  readonly hosts: readonly HostRow[];
  readonly path: readonly Move[];
  readonly utilisation: number;
  readonly measured: Measured | null;
}

/** The comparison for a terminal: a table, the hosts behind it, the path, and every assumption with its source. */
export function breakevenText(document: BreakevenDocument, detail: BreakevenDetail): string {
  const { traffic } = detail;
  const cached = traffic.cachedTokens > 0 ? ` (${count(traffic.cachedTokens)} cached)` : '';
  return [
    `${count(traffic.volume)} calls a month of ${count(traffic.inputTokens)}${cached} + ${count(traffic.outputTokens)} tokens; ` +
      `today ${document.baseline.model}: ${dollars(document.baseline.usdPerMonth)} a month.\n\n`,
    optionTable(document, detail),
    hostLines(detail),
    pathLines(detail.path),
    measuredLines(detail.measured),
    assumptionTable(document),
  ].join('');
}

function optionTable({ baseline, options }: BreakevenDocument, detail: BreakevenDetail): string {
  return renderTable(
    [
      { head: 'option' },
      { head: 'is' },
      { head: '$ a month', align: 'right' },
      { head: 'against today', align: 'right' },
      { head: 'pays from' },
    ],
    options.map((option) => [
      option.model,
      option.kind,
      dollars(option.usdPerMonth),
      baseline.usdPerMonth > 0 ? change(option.usdPerMonth / baseline.usdPerMonth - 1) : '–',
      paysFrom(option, detail.utilisation),
    ]),
  );
}

function paysFrom(option: BreakevenOption, planned: number): string {
  if (option.breakEvenVolume === 0) return 'the first call';
  if (option.breakEvenVolume !== null) return `${count(option.breakEvenVolume)} calls a month`;
  if (option.kind !== 'self-hosted' || option.utilisation === null) return 'NEVER: it is not cheaper per call';
  if (option.never) return `NEVER: always busy, its rent alone is ${option.utilisation.toFixed(1)} × today`;
  return `not as planned: only when busy over ${percent(option.utilisation, 0)} of its hours, planned ${percent(planned, 0)}`;
}

function hostLines({ hosts }: BreakevenDetail): string {
  const lines = hosts.map(({ offer, at, plan, p95Wait, staysFrom, option, throughput }) => {
    const wait = Number.isFinite(p95Wait)
      ? `95 % wait at most ${p95Wait < 0.01 ? '0' : p95Wait.toFixed(2)} s`
      : 'more comes than it can take';
    const stays =
      option.breakEvenVolume !== null && staysFrom !== null && staysFrom > option.breakEvenVolume
        ? `; each further host makes it dearer again for a while, up to ${counted(staysFrom, 'call')}`
        : '';
    return (
      `- ${offer.name}: ${at.hosts} hosts, ${plan.spareHosts} of them spare, busy ${percent(at.busy)} of paid hours; ` +
      `${count(Math.round(throughput.totalTokensPerSecond))} tokens/s at ${throughput.concurrency} in flight; in the busiest hour ${wait}${stays}\n`
    );
  });
  return lines.length === 0 ? '' : `\nHosts of your own\n${lines.join('')}`;
}

function pathLines(path: readonly Move[]): string {
  if (path.length === 0) return '';
  const lines = path.map(({ to, model, due, trigger }, i) => `${i + 1}. ${to}, ${model}${due ? ' (due on price)' : ''}: ${trigger}\n`);
  return `\nThe path, each step against the cheapest before it\n${lines.join('')}`;
}

function measuredLines(measured: Measured | null): string {
  if (measured === null) return '';
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = renderTable(
    [right('in flight'), right('requests'), right('failed'), right('tokens/s'), right('output tokens/s'), right('95 % within')],
    measured.levels.map((level) => [
      count(level.concurrency),
      count(level.requests),
      count(level.failed),
      level.totalTokensPerSecond.toFixed(0),
      level.outputTokensPerSecond.toFixed(0),
      `${(level.p95Ms / 1000).toFixed(2)} s`,
    ]),
  );
  return `\nMeasured: ${measured.model}, tokens ${measured.usage === 'reported' ? 'as the endpoint counts them' : 'by our count'}\n${table}`;
}

function assumptionTable({ assumptions }: BreakevenDocument): string {
  return `\nAssumptions\n${renderTable(
    [{ head: 'what' }, { head: 'value', align: 'right' }, { head: 'from' }, { head: 'date' }],
    assumptions.map(({ name, value, source, date }) => [name, typeof value === 'number' ? figure(value) : value, source, date]),
  )}`;
}

function figure(value: number): string {
  return Math.abs(value) >= 1000 ? count(Math.round(value)) : String(Number(value.toPrecision(4)));
}

function change(share: number): string {
  return `${share > 0 ? '+' : ''}${(share * 100).toFixed(share > 10 ? 0 : 1)} %`;
}

/** Planning figures go past what a bill may hold exactly. */
function dollars(usd: number): string {
  return usd < 1e6 ? formatUsd(nanoUsd(usd)) : `$${Math.round(usd).toLocaleString('en-US')}`;
}
