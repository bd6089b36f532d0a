import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Config, loadConfig } from '../../config/index.ts';
import { type Clock, type EpochMs, formatUsd, type NanoUsd, SmallfirstError, toUsd } from '../../core/index.ts';
import { costChange, unitCost } from '../../finops/index.ts';
import { PriceBook, type PriceClass } from '../../pricing/index.ts';
import { providers } from '../../providers/index.ts';
import type { BillDimension, BillRow, CallStore } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { count, counted, percent, renderTable } from '../table.ts';
import { type BillOptions, type BillSums, parseDimensions, sumsOf } from './bill.ts';

/** One line in both months; null where a month has nothing of it. The two parts of the change add up to it exactly. */
export interface ComparedSums {
  readonly before: BillSums | null;
  readonly after: BillSums | null;
  readonly changeUsd: number;
  readonly changeNanoUsd: number;
  /** The further requests at what one cost before. */
  readonly byVolumeUsd: number;
  /** What each request costs more: models, tokens, prices, escalations. */
  readonly byUnitCostUsd: number;
  /** Dollars per answered request; null without one. */
  readonly unitCostUsd: { readonly before: number | null; readonly after: number | null };
}

/** A list price that is another one in the second month. */
export interface PriceChange {
  readonly provider: string;
  readonly model: string;
  readonly class: PriceClass;
  /** Dollars per million tokens. */
  readonly before: number | null;
  readonly after: number | null;
  /** First day of the new price, where the list names one. */
  readonly from: string | null;
}

/** What `smallfirst bill --compare --json` prints. */
export interface BillCompareDocument extends ComparedSums {
  readonly months: readonly [string, string];
  readonly by: readonly BillDimension[];
  readonly rows: readonly (Readonly<Partial<Record<BillDimension, string | null>>> & ComparedSums)[];
  readonly priceChanges: readonly PriceChange[];
  /** Months that are not over: they are compared as far as they have gone. */
  readonly unfinished: readonly string[];
}

interface Span {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** `smallfirst bill --compare`: two months side by side, from the rollups. The rows' changes add up to the whole change exactly. */
export async function runBillCompare(
  options: BillOptions & { readonly compare: readonly string[] },
  io: CommandIo,
  clock: Clock,
): Promise<ExitCode> {
  const [first, second, ...more] = options.compare;
  if (first === undefined || second === undefined || more.length > 0 || first === second) {
    throw new SmallfirstError('USAGE', '--compare takes two months, as in --compare 2026-09 2026-10.');
  }
  const by = parseDimensions(options.by ?? 'task,model');
  if (by.includes('day') || by.includes('hour')) throw new SmallfirstError('USAGE', '--compare has no day or hour that both months share.');
  const spans = [parseMonth(first), parseMonth(second)] as const;
  const now = clock.now();
  const future = [first, second].find((_, i) => (spans[i]?.from ?? 0) > now);
  if (future !== undefined) throw new SmallfirstError('USAGE', `--compare: ${future} has not begun.`);
  const models = await configModels(options, io);
  const store = await openRecord(options, io);
  try {
    const document: BillCompareDocument = {
      months: [first, second],
      by,
      ...(await compared(store.calls, spans, by)),
      priceChanges: await priceChanges(store.calls, spans, models),
      unfinished: [first, second].filter((_, i) => (spans[i]?.to ?? 0) > now),
    };
    if (options.json) io.json(document);
    else io.out(compareText(document));
    for (const month of document.unfinished) io.note(`WARNING: ${month} is not over: it is compared as far as it has gone.`);
    const unpriced = (document.before?.unpricedCalls ?? 0) + (document.after?.unpricedCalls ?? 0);
    if (unpriced > 0)
      io.note(`WARNING: ${counted(unpriced, 'attempt has no known price and is', 'attempts have no known price and are')} in no sum.`);
    return 0;
  } finally {
    await store.close();
  }
}

async function compared(calls: CallStore, spans: readonly [Span, Span], by: readonly BillDimension[]) {
  const before = await calls.bill(spans[0], by);
  const after = await calls.bill(spans[1], by);
  const key = (row: BillRow) => JSON.stringify(by.map((name) => row.dimensions[name] ?? null));
  const rows = new Map<string, { dimensions: BillRow['dimensions']; before: BillRow | null; after: BillRow | null }>();
  for (const row of before) rows.set(key(row), { dimensions: row.dimensions, before: row, after: null });
  for (const row of after) rows.set(key(row), { dimensions: row.dimensions, before: rows.get(key(row))?.before ?? null, after: row });
  return {
    ...comparedSums(sumsOf(before), sumsOf(after)),
    rows: [...rows.values()].map((row) => ({
      ...row.dimensions,
      ...comparedSums(row.before && sumsOf([row.before]), row.after && sumsOf([row.after])),
    })),
  };
}

function comparedSums(before: BillSums | null, after: BillSums | null): ComparedSums {
  const unit = (sums: BillSums | null) => ({ requests: sums?.calls ?? 0, cost: (sums?.costNanoUsd ?? 0) as NanoUsd });
  const { change, byVolume, byUnitCost } = costChange(unit(before), unit(after));
  const perRequest = (sums: BillSums | null) => {
    const nano = unitCost(unit(sums));
    return nano === null ? null : nano / 1e9;
  };
  return {
    before,
    after,
    changeUsd: toUsd(change),
    changeNanoUsd: change,
    byVolumeUsd: toUsd(byVolume),
    byUnitCostUsd: toUsd(byUnitCost),
    unitCostUsd: { before: perRequest(before), after: perRequest(after) },
  };
}

/** List prices at the end of each month, of every model that was called in either: what was booked stays as it was booked. */
async function priceChanges(calls: CallStore, spans: readonly [Span, Span], config: Config | null): Promise<readonly PriceChange[]> {
  const seen = new Map<string, { provider: string; model: string }>();
  for (const span of spans) {
    for (const { dimensions } of await calls.bill(span, ['provider', 'model'])) {
      const configured = config?.models.get(dimensions.model ?? '');
      const provider = configured?.provider ?? dimensions.provider ?? '';
      const model = configured?.model ?? dimensions.model ?? '';
      seen.set(`${provider}/${model}`, { provider, model });
    }
  }
  const book = new PriceBook({ declared: config?.prices ?? [], warn: () => undefined });
  return [...seen.values()].flatMap((ref) => {
    const was = book.inForce(ref, spans[0].to - 1);
    const is = book.inForce(ref, spans[1].to - 1);
    const old = was?.steps[0]?.rates ?? {};
    const rates = is?.steps[0]?.rates ?? {};
    const classes = [...new Set([...Object.keys(old), ...Object.keys(rates)])] as PriceClass[];
    const usd = (nano: number | undefined) => (nano === undefined ? null : nano / 1e9);
    return classes
      .filter((name) => old[name] !== rates[name])
      .map((name) => ({ ...ref, class: name, before: usd(old[name]), after: usd(rates[name]), from: is?.version.from ?? null }));
  });
}

/** The config of `--config`, or of the usual file where there is one: for the names and the prices of its models. */
export async function configModels(options: Pick<BillOptions, 'config'>, io: CommandIo): Promise<Config | null> {
  const file = resolve(io.cwd, options.config ?? 'smallfirst.yaml');
  if (options.config === undefined && !existsSync(file)) return null;
  return loadConfig(file, io.env, { providers });
}

function parseMonth(text: string): Span {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  if (!match) throw new SmallfirstError('USAGE', `--compare takes months such as 2026-10, not "${text}".`);
  const year = Number(match[1]);
  const month = Number(match[2]);
  return { from: Date.UTC(year, month - 1, 1), to: Date.UTC(year, month, 1) };
}

function compareText(document: BillCompareDocument): string {
  const { months, by } = document;
  if ((document.before?.attempts ?? 0) + (document.after?.attempts ?? 0) === 0) return 'No calls were recorded in these months.\n';
  const right = (head: string) => ({ head, align: 'right' as const });
  const rows = [...document.rows].sort((a, b) => Math.abs(b.changeNanoUsd) - Math.abs(a.changeNanoUsd));
  const table = renderTable(
    [
      ...by.map((head) => ({ head })),
      ...[`requests ${months[0]}`, months[1], `cost ${months[0]}`, months[1], 'change', '', 'by volume', 'by unit cost'].map(right),
      ...[`a request ${months[0]}`, months[1]].map(right),
    ],
    [
      ...rows.map((row) => [...by.map((name) => row[name] ?? '(none)'), ...cells(row)]),
      [...by.map((_, i) => (i === 0 ? 'total' : '')), ...cells(document)],
    ],
  );
  const prices = document.priceChanges.map(
    (one) =>
      `- ${one.provider}/${one.model}, ${one.class}: ${one.before ?? 'no price'} → ${one.after ?? 'no price'} $ per million${one.from === null ? '' : ` from ${one.from}`}\n`,
  );
  return `${months[0]} and ${months[1]} (UTC)\n${table}${prices.length === 0 ? '' : `List prices that changed\n${prices.join('')}`}`;
}

function cells(row: ComparedSums): readonly string[] {
  const { before, after } = row;
  const share = before !== null && before.costNanoUsd > 0 ? row.changeNanoUsd / before.costNanoUsd : null;
  const signed = (usd: number) => (usd > 0 ? `+${money(usd)}` : money(usd));
  return [
    count(before?.calls ?? 0),
    count(after?.calls ?? 0),
    money(before?.costUsd ?? 0),
    money(after?.costUsd ?? 0),
    signed(row.changeUsd),
    share === null ? '–' : `${share > 0 ? '+' : ''}${percent(share)}`,
    signed(row.byVolumeUsd),
    signed(row.byUnitCostUsd),
    row.unitCostUsd.before === null ? '–' : money(row.unitCostUsd.before),
    row.unitCostUsd.after === null ? '–' : money(row.unitCostUsd.after),
  ];
}

function money(usd: number): string {
  return formatUsd(Math.round(usd * 1e9) as NanoUsd);
}
