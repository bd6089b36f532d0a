import { resolve } from 'node:path';
import { type Config, loadConfig } from '../../config/index.ts';
import {
  addUsd,
  type Clock,
  costOfTokens,
  type EpochMs,
  formatUsd,
  type NanoUsd,
  SmallfirstError,
  toUsd,
  usage,
  ZERO_USD,
} from '../../core/index.ts';
import { addCeilingSums, type CeilingSums, NO_CEILING_SUMS, savedShare } from '../../finops/index.ts';
import { bookLines, PriceBook, totalOf } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';
import type { BillDimension, BillRow } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { count, counted, percent, renderTable } from '../table.ts';
import { type BillOptions, parseDimensions, parseSpan } from './bill.ts';
import { type DayCosts, type ProjectedMonth, projectedMonth, projectionStart } from './bill-projected.ts';

/** A line of the bill beside the ceiling's. Dollars. */
export interface BeforeSums {
  /** Client requests that got an answer. */
  readonly requests: number;
  /** Every attempt, judge and shadow of the line. */
  readonly actualUsd: number;
  readonly actualNanoUsd: number;
  /** The same answers, all by the task's ceiling. */
  readonly beforeUsd: number;
  readonly beforeNanoUsd: number;
  readonly savedUsd: number;
  /** Null where something is unpriced: a share would be a guess. */
  readonly savedShare: number | null;
  readonly unpricedRequests: number;
  readonly unpricedCalls: number;
  readonly perRequestUsd: { readonly actual: number | null; readonly before: number | null };
}

/** What `smallfirst bill --before --json` prints. */
export interface BillBeforeDocument extends BeforeSums {
  readonly from: string;
  readonly to: string;
  readonly by: readonly BillDimension[];
  /** How the ceiling's bill is worked out. */
  readonly assumes: readonly string[];
  /** The model that stands for "before", by task. */
  readonly ceilings: Readonly<Record<string, string>>;
  readonly rows: readonly (Readonly<Partial<Record<BillDimension, string | null>>> & BeforeSums)[];
  /** How the running month ends on both sides; null for another span, and without a whole day of it. */
  readonly projected: ProjectedMonth | null;
  /** What no task of the config is named for: nothing says what its ceiling would be. */
  readonly outside: { readonly attempts: number; readonly costUsd: number; readonly costNanoUsd: number };
}

const assumes: readonly string[] = [
  'the ceiling reads and writes as many tokens as the model that answered, and finds as many of them in a cache',
  'its price is the one in force on the day of the answer; what the ceiling really answered stands as it was booked',
  'attempts that were escalated, failed, judged or shadowed are in the actual bill and not in the one before',
];

/** What can be told apart on both sides: the ceiling's side has only one model. */
const allowed: readonly BillDimension[] = ['task', 'step', 'pipeline', 'key', 'team', 'day'];
const needed: readonly BillDimension[] = ['day', 'task', 'model', 'purpose', 'outcome'];
/** Purposes whose accepted call is what the client got. */
const forClient: ReadonlySet<string | null | undefined> = new Set(['answer', 'escalation', 'polish', 'passthrough']);

/** `smallfirst bill --before`: the bill beside the one that the ceilings would have made, from the rollups and the price list by day. */
export async function runBillBefore(options: BillOptions, io: CommandIo, clock: Clock): Promise<ExitCode> {
  const by = parseDimensions(options.by ?? 'task');
  const wrong = by.find((name) => !allowed.includes(name));
  if (wrong !== undefined)
    throw new SmallfirstError('USAGE', `--before knows no "${wrong}" on the ceiling's side; it takes ${allowed.join(', ')}.`);
  const span = parseSpan(options, clock.now());
  const config = await loadConfig(resolve(io.cwd, options.config ?? 'smallfirst.yaml'), io.env, { providers });
  const store = await openRecord(options, io);
  try {
    const rows = await store.calls.bill(span, [...new Set([...needed, ...by])]);
    const start = projectionStart(span, clock.now());
    const history = start === null ? null : await store.calls.bill({ from: start, to: span.to }, needed);
    const projected = history === null ? null : projectedMonth(dayCosts(history, config), clock.now());
    const document: BillBeforeDocument = { ...before(rows, by, { config, span }), projected };
    if (options.json) io.json(document);
    else io.out(beforeText(document));
    if (document.unpricedCalls + document.unpricedRequests > 0) {
      io.note(
        `WARNING: ${counted(document.unpricedCalls, 'attempt')}, and ${counted(document.unpricedRequests, 'answer')} on the ceiling's side, have no known price and are in no sum.`,
      );
    }
    return 0;
  } finally {
    await store.close();
  }
}

function before(
  rows: readonly BillRow[],
  by: readonly BillDimension[],
  { config, span }: { readonly config: Config; readonly span: { readonly from: EpochMs; readonly to: EpochMs } },
): Omit<BillBeforeDocument, 'projected'> {
  const ceilings = ceilingsOf(config);
  const book = bookOf(config);
  const lines = new Map<string, { dimensions: BillRow['dimensions']; sums: CeilingSums }>();
  let total = NO_CEILING_SUMS;
  const outside = { attempts: 0, cost: ZERO_USD };
  const used = new Map<string, string>();
  for (const row of rows) {
    const ceiling = ceilings.get(row.dimensions.task ?? '');
    if (ceiling === undefined) {
      outside.attempts += row.calls;
      outside.cost = addUsd(outside.cost, row.cost);
      continue;
    }
    used.set(row.dimensions.task ?? '', ceiling);
    const sums = ceilingSums(row, ceiling, { book, config });
    const key = JSON.stringify(by.map((name) => row.dimensions[name] ?? null));
    const dimensions = Object.fromEntries(by.map((name) => [name, row.dimensions[name] ?? null]));
    lines.set(key, { dimensions, sums: addCeilingSums(lines.get(key)?.sums ?? NO_CEILING_SUMS, sums) });
    total = addCeilingSums(total, sums);
  }
  return {
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    by,
    assumes,
    ceilings: Object.fromEntries(used),
    ...shown(total),
    rows: [...lines.values()].map(({ dimensions, sums }) => ({ ...dimensions, ...shown(sums) })),
    outside: { attempts: outside.attempts, costUsd: toUsd(outside.cost), costNanoUsd: outside.cost },
  };
}

/** Both sides by day, of the tasks that have a ceiling. */
function dayCosts(rows: readonly BillRow[], config: Config): DayCosts {
  const ceilings = ceilingsOf(config);
  const book = bookOf(config);
  const days = { actual: new Map<string, number>(), before: new Map<string, number>() };
  for (const row of rows) {
    const ceiling = ceilings.get(row.dimensions.task ?? '');
    if (ceiling === undefined) continue;
    const sums = ceilingSums(row, ceiling, { book, config });
    const day = row.dimensions.day ?? '';
    days.actual.set(day, (days.actual.get(day) ?? 0) + toUsd(sums.actual));
    days.before.set(day, (days.before.get(day) ?? 0) + toUsd(sums.before));
  }
  return days;
}

function ceilingsOf(config: Config): ReadonlyMap<string, string> {
  return new Map([...config.tasks].map(([name, task]) => [name, task.ladder.at(-1) ?? '']));
}

function bookOf(config: Config): PriceBook {
  return new PriceBook({ declared: config.prices, warn: () => undefined });
}

function ceilingSums(row: BillRow, ceiling: string, world: { readonly book: PriceBook; readonly config: Config }): CeilingSums {
  const { dimensions, requests, cost, calls, unpricedCalls } = row;
  const paid = { requests: 0, actual: cost, unpricedCalls };
  if (dimensions.outcome !== 'accepted' || !forClient.has(dimensions.purpose)) return { ...NO_CEILING_SUMS, ...paid };
  const answered = { ...paid, requests };
  if (dimensions.model === ceiling) return { ...answered, before: cost, unpricedRequests: unpricedCalls };
  const price = ceilingPrice(row, ceiling, world);
  return { ...answered, before: price ?? ZERO_USD, unpricedRequests: price === null ? calls : 0 };
}

/** Tokens of many calls at one price; the mean prompt tells which context step they are on. */
function ceilingPrice(
  row: BillRow,
  ceiling: string,
  { book, config }: { readonly book: PriceBook; readonly config: Config },
): NanoUsd | null {
  const model = config.models.get(ceiling);
  if (model === undefined || row.calls === 0) return null;
  const inForce = book.inForce(model, Date.parse(`${row.dimensions.day}T12:00:00Z`));
  const step = inForce?.steps.findLast(({ above }) => row.inputTokens / row.calls > above) ?? inForce?.steps[0];
  if (step === undefined) return null;
  const { request, ...perToken } = step.rates;
  const spent = usage({ freshInput: row.inputTokens - row.cachedTokens, cacheRead: row.cachedTokens, output: row.outputTokens });
  const { lines, unpriced } = bookLines(spent, perToken);
  if (unpriced !== null) return null;
  return request === undefined ? totalOf(lines) : addUsd(totalOf(lines), costOfTokens(row.calls, request));
}

function shown(sums: CeilingSums): BeforeSums {
  const perRequest = (nano: NanoUsd) => (sums.requests > 0 ? nano / sums.requests / 1e9 : null);
  return {
    requests: sums.requests,
    actualUsd: toUsd(sums.actual),
    actualNanoUsd: sums.actual,
    beforeUsd: toUsd(sums.before),
    beforeNanoUsd: sums.before,
    savedUsd: toUsd((sums.before - sums.actual) as NanoUsd),
    savedShare: savedShare(sums),
    unpricedRequests: sums.unpricedRequests,
    unpricedCalls: sums.unpricedCalls,
    perRequestUsd: { actual: perRequest(sums.actual), before: perRequest(sums.before) },
  };
}

function beforeText(document: BillBeforeDocument): string {
  if (document.rows.length === 0) return 'No calls of a task of the config were recorded in this span.\n';
  const right = (head: string) => ({ head, align: 'right' as const });
  const cells = (row: BeforeSums): readonly string[] => [
    count(row.requests),
    formatUsd(row.beforeNanoUsd as NanoUsd),
    formatUsd(row.actualNanoUsd as NanoUsd),
    formatUsd((row.beforeNanoUsd - row.actualNanoUsd) as NanoUsd),
    percent(row.savedShare),
    ...[row.perRequestUsd.before, row.perRequestUsd.actual].map((usd) =>
      usd === null ? '–' : formatUsd(Math.round(usd * 1e9) as NanoUsd),
    ),
  ];
  const table = renderTable(
    [
      ...document.by.map((head) => ({ head })),
      ...['answered', 'all on the ceiling', 'actual', 'saved', '', 'a request before', 'a request now'].map(right),
    ],
    [
      ...document.rows.map((row) => [...document.by.map((name) => row[name] ?? '(none)'), ...cells(row)]),
      [...document.by.map((_, i) => (i === 0 ? 'total' : '')), ...cells(document)],
    ],
  );
  const { outside } = document;
  const rest =
    outside.attempts === 0
      ? ''
      : `Outside every task of the config, and so beside no ceiling: ${counted(outside.attempts, 'attempt')}, ${formatUsd(outside.costNanoUsd as NanoUsd)}.\n`;
  const { projected } = document;
  const usd = (one: number) => formatUsd(Math.round(one * 1e9) as NanoUsd);
  const between =
    projected === null || projected.actualLowUsd === null || projected.actualHighUsd === null
      ? ''
      : ` (90 % between ${usd(projected.actualLowUsd)} and ${usd(projected.actualHighUsd)})`;
  const ends =
    projected === null
      ? ''
      : `${projected.month} will end at ${usd(projected.actualUsd)}${between} against ${usd(projected.beforeUsd)} on the ceiling, if its days go on as they were.\n`;
  return `Bill from ${document.from.slice(0, 10)} to ${document.to.slice(0, 16).replace('T', ' ')} (UTC)\n${table}${ends}${rest}Assumes that\n${assumes.map((one) => `- ${one}\n`).join('')}`;
}
