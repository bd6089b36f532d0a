import { type Clock, type EpochMs, formatUsd, type NanoUsd, SmallfirstError, systemClock, toUsd } from '../../core/index.ts';
import type { BillDimension, BillRow, Store } from '../../store/index.ts';
import { parseDay, startOfMonth } from '../day.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { count, counted, percent, renderTable } from '../table.ts';

export interface BillOptions {
  readonly data: string;
  /** Absent: smallfirst.yaml where there is one, else none. Only its `store:` is read. */
  readonly config?: string;
  readonly from?: string;
  readonly to?: string;
  /** Comma-separated dimensions. */
  readonly by?: string;
  readonly json: boolean;
}

/** Sums of a line or of the whole bill. */
export interface BillSums {
  /** Client requests that were answered or finally failed. */
  readonly calls: number;
  /** Requests to models in traffic: escalations, judges and shadows as well. An eval's spending is in its own report. */
  readonly attempts: number;
  /** Attempts without a known price: they are in no sum of money. */
  readonly unpricedCalls: number;
  readonly costUsd: number;
  /** The same, exact, in billionths of a dollar. */
  readonly costNanoUsd: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** What `smallfirst bill --json` prints. `from` is inclusive, `to` exclusive. */
export interface BillDocument extends BillSums {
  readonly from: string;
  readonly to: string;
  readonly by: readonly BillDimension[];
  readonly rows: readonly (Readonly<Partial<Record<BillDimension, string | null>>> & BillSums)[];
  readonly unpricedModels: readonly { readonly provider: string; readonly model: string; readonly attempts: number }[];
}

const dimensions: readonly BillDimension[] = [
  ...(['task', 'step', 'pipeline', 'model', 'provider', 'tier', 'purpose', 'outcome', 'key', 'team', 'day', 'hour'] as const),
];
const HOUR_MS = 3_600_000;

/** Prints what was spent, from the rollups of the record; a running gateway may own it meanwhile. Says loudly what has no price. */
export async function runBill(options: BillOptions, io: CommandIo, clock: Clock = systemClock): Promise<ExitCode> {
  const by = parseDimensions(options.by ?? 'task,model');
  const span = parseSpan(options, clock.now());
  const store = await openRecord(options, io);
  try {
    const document = await readBill(store, span, by);
    if (options.json) io.json(document);
    else io.out(billText(document));
    warnUnpriced(document, io);
    return 0;
  } finally {
    await store.close();
  }
}

/** The bill of a span as a document. The rows add up to its sums exactly. */
export async function readBill(
  store: Pick<Store, 'calls'>,
  span: { readonly from: EpochMs; readonly to: EpochMs },
  by: readonly BillDimension[],
): Promise<BillDocument> {
  const rows = await store.calls.bill(span, by);
  const sums = sumsOf(rows);
  const models = sums.unpricedCalls > 0 ? await store.calls.bill(span, ['provider', 'model']) : [];
  return {
    ...sums,
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    by,
    rows: rows.map((row) => ({ ...row.dimensions, ...sumsOf([row]) })),
    unpricedModels: models
      .filter((row) => row.unpricedCalls > 0)
      .map(({ dimensions: { provider, model }, unpricedCalls }) => ({
        provider: provider ?? '',
        model: model ?? '',
        attempts: unpricedCalls,
      })),
  };
}

/** Adds rows of a bill up. Throws RangeError past the exact range. */
export function sumsOf(rows: readonly BillRow[]): BillSums {
  const sum = (pick: (row: BillRow) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const cost = sum((row) => row.cost);
  if (!Number.isSafeInteger(cost)) throw new RangeError('the bill is past the range of exact sums; ask for a shorter span');
  return {
    calls: sum((row) => row.requests),
    attempts: sum((row) => row.calls),
    unpricedCalls: sum((row) => row.unpricedCalls),
    costUsd: toUsd(cost as NanoUsd),
    costNanoUsd: cost,
    inputTokens: sum((row) => row.inputTokens),
    cachedTokens: sum((row) => row.cachedTokens),
    outputTokens: sum((row) => row.outputTokens),
  };
}

/** Reads `--by`. Throws SmallfirstError (USAGE) for a name that is no dimension. */
export function parseDimensions(text: string): readonly BillDimension[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const isDimension = (name: string): name is BillDimension => (dimensions as readonly string[]).includes(name);
  const unknown = names.find((name) => !isDimension(name));
  if (unknown !== undefined) throw new SmallfirstError('USAGE', `--by knows no "${unknown}"; it takes ${dimensions.join(', ')}.`);
  if (names.length === 0) throw new SmallfirstError('USAGE', `--by needs at least one of ${dimensions.join(', ')}.`);
  return [...new Set(names.filter(isDimension))];
}

/** Whole hours, as rollups hold them: this month up to the end of this hour, unless said otherwise. */
export function parseSpan(options: Pick<BillOptions, 'from' | 'to'>, now: EpochMs): { readonly from: EpochMs; readonly to: EpochMs } {
  const endOfHour = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  const to = options.to === undefined ? endOfHour : parseDay('--to', options.to);
  const from = options.from === undefined ? startOfMonth(Math.min(now, to - 1)) : parseDay('--from', options.from);
  if (from >= to) {
    const end = options.to ?? new Date(now).toISOString().slice(0, 10);
    throw new SmallfirstError('USAGE', `--from ${options.from} must be before --to ${end}, which is the day after the last one counted.`);
  }
  return { from, to };
}

function billText(document: BillDocument): string {
  const title = `Bill from ${shortTime(document.from)} to ${shortTime(document.to)} (UTC)\n`;
  if (document.attempts === 0) return `${title}No calls were recorded in this span.\n`;
  const right = (head: string) => ({ head, align: 'right' as const });
  const cells = (row: BillSums): readonly string[] => [
    count(row.calls),
    count(row.attempts),
    count(row.inputTokens),
    count(row.cachedTokens),
    count(row.outputTokens),
    row.attempts > 0 && row.unpricedCalls === row.attempts ? 'unpriced' : formatUsd(row.costNanoUsd as NanoUsd),
    percent(document.costNanoUsd > 0 ? row.costNanoUsd / document.costNanoUsd : null),
    row.unpricedCalls > 0 ? count(row.unpricedCalls) : '',
  ];
  const dearestFirst = [...document.rows].sort((a, b) => b.costNanoUsd - a.costNanoUsd);
  const inTime = document.by[0] === 'day' || document.by[0] === 'hour';
  const rows = (inTime ? document.rows : dearestFirst).map((row) => [...document.by.map((name) => row[name] ?? '(none)'), ...cells(row)]);
  return `${title}${renderTable(
    [
      ...document.by.map((head) => ({ head })),
      right('requests'),
      right('attempts'),
      right('input tokens'),
      right('cached'),
      right('output tokens'),
      right('cost'),
      right('share'),
      right('unpriced'),
    ],
    [...rows, [...document.by.map((_, i) => (i === 0 ? 'total' : '')), ...cells(document)]],
  )}`;
}

function warnUnpriced(document: BillDocument, io: CommandIo): void {
  if (document.unpricedCalls === 0) return;
  const models = document.unpricedModels.map(({ provider, model, attempts }) => `${model} at ${provider} (${count(attempts)})`).join(', ');
  io.note(
    `WARNING: ${count(document.unpricedCalls)} of ${counted(document.attempts, 'attempt')} ${document.unpricedCalls === 1 ? 'has no known price and is' : 'have no known price and are'} in no sum: ${models}. Declare them with the models in the config, or in a price file.`,
  );
}

function shortTime(iso: string): string {
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso.slice(0, 16).replace('T', ' ');
}
