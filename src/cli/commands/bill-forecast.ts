import { type Clock, type EpochMs, formatUsd, type NanoUsd, toUsd } from '../../core/index.ts';
import { type CostDay, type Forecast, forecast, forecastMethod } from '../../finops/index.ts';
import type { CallStore } from '../../store/index.ts';
import { startOfMonth } from '../day.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { counted, percent, renderTable } from '../table.ts';
import type { BillOptions } from './bill.ts';

/** A month that ends in the future. Dollars; `low` to `high` holds 90 % of the futures drawn, null with fewer than seven whole days. */
export interface ForecastMonth {
  /** `2026-11`. */
  readonly month: string;
  readonly spentUsd: number;
  readonly expectedUsd: number;
  readonly lowUsd: number | null;
  readonly highUsd: number | null;
  /** Share of the futures drawn that end above the budget; null without a budget or an interval. */
  readonly overBudget: number | null;
  /** The sum of the month at the end of each day: as booked until yesterday, expected from today on. */
  readonly days: readonly {
    readonly day: string;
    readonly booked: boolean;
    readonly usd: number;
    readonly lowUsd: number | null;
    readonly highUsd: number | null;
  }[];
}

/** What `smallfirst bill --forecast --json` prints. */
export interface BillForecastDocument {
  readonly at: string;
  /** How it is made. */
  readonly method: string;
  /** Whole days that it learned from. */
  readonly historyDays: number;
  readonly budgetUsd: number | null;
  /** Attempts of these days without a known price: in no sum, so the forecast is too low by them. */
  readonly unpricedCalls: number;
  /** Empty without a single whole day. */
  readonly months: readonly ForecastMonth[];
}

const DAY_MS = 86_400_000;
/** As much as the forecast may look at, and the whole current month besides. */
const HISTORY_DAYS = 56;

/** Costs of whole days and of today so far, oldest first, without gaps. */
interface Days {
  readonly first: EpochMs;
  readonly usd: readonly number[];
  readonly todayUsd: number;
  readonly unpricedCalls: number;
}

/** `smallfirst bill --forecast`: how this month, and further ones, will end, from the rollups by day. Says so where there is too little to tell. */
export async function runBillForecast(
  options: BillOptions & { readonly forecast: number; readonly budget?: number },
  io: CommandIo,
  clock: Clock,
): Promise<ExitCode> {
  const now = clock.now();
  const store = await openRecord(options, io);
  try {
    const days = await readDays(store.calls, now);
    const document: BillForecastDocument = {
      at: new Date(now).toISOString(),
      method: forecastMethod,
      historyDays: Math.min(HISTORY_DAYS, days.usd.length),
      budgetUsd: options.budget ?? null,
      unpricedCalls: days.unpricedCalls,
      months: forecastMonths(days, now, options),
    };
    if (options.json) io.json(document);
    else io.out(forecastText(document));
    if (document.unpricedCalls > 0) {
      io.note(
        `WARNING: ${counted(document.unpricedCalls, 'attempt has no known price: what it', 'attempts have no known price: what they')} cost is not in the forecast.`,
      );
    }
    return 0;
  } finally {
    await store.close();
  }
}

/** Days from the first that has calls, at most 56 and the month so far; a day without calls costs 0. */
async function readDays(calls: Pick<CallStore, 'bill'>, now: EpochMs): Promise<Days> {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const rows = await calls.bill({ from: Math.min(today - HISTORY_DAYS * DAY_MS, startOfMonth(now)), to: today + DAY_MS }, ['day']);
  const byDay = new Map(rows.map((row) => [Date.parse(`${row.dimensions.day}T00:00:00Z`), toUsd(row.cost)]));
  const first = Math.min(today, ...byDay.keys());
  const usd: number[] = [];
  for (let day = first; day < today; day += DAY_MS) usd.push(byDay.get(day) ?? 0);
  return { first, usd, todayUsd: byDay.get(today) ?? 0, unpricedCalls: rows.reduce((sum, row) => sum + row.unpricedCalls, 0) };
}

function forecastMonths(
  days: Days,
  now: EpochMs,
  { forecast: months, budget }: { readonly forecast: number; readonly budget?: number },
): readonly ForecastMonth[] {
  const history: CostDay[] = days.usd.map((usd, i) => ({ weekday: new Date(days.first + i * DAY_MS).getUTCDay(), usd }));
  const found: ForecastMonth[] = [];
  let start = startOfMonth(now);
  for (let i = 0; i < months; i++) {
    const date = new Date(start);
    const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    const month = forecastMonth({ days, history, now }, { start, end }, budget);
    if (month === null) return [];
    found.push(month);
    start = end;
  }
  return found;
}

function forecastMonth(
  { days, history, now }: { readonly days: Days; readonly history: readonly CostDay[]; readonly now: EpochMs },
  { start, end }: { readonly start: EpochMs; readonly end: EpochMs },
  budget: number | undefined,
): ForecastMonth | null {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const booked: ForecastMonth['days'][number][] = [];
  let spent = 0;
  for (let day = start; day < Math.min(today, end); day += DAY_MS) {
    spent += days.usd[(day - days.first) / DAY_MS] ?? 0;
    booked.push({ day: isoDay(day), booked: true, usd: spent, lowUsd: spent, highUsd: spent });
  }
  const coming: { readonly day: EpochMs; readonly weekday: number; readonly left: number }[] = [];
  for (let day = Math.max(today, start); day < end; day += DAY_MS) {
    coming.push({ day, weekday: new Date(day).getUTCDay(), left: day === today ? 1 - (now - today) / DAY_MS : 1 });
  }
  const spentNow = spent + (start <= today ? days.todayUsd : 0);
  const sums = forecast({ history, days: coming, spent: spentNow, ...(budget === undefined ? {} : { budget }) });
  const last = sums?.at(-1);
  if (!sums || !last) return null;
  return {
    month: isoDay(start).slice(0, 7),
    spentUsd: spentNow,
    expectedUsd: last.expected,
    lowUsd: last.low,
    highUsd: last.high,
    overBudget: last.overBudget,
    days: [...booked, ...coming.map(({ day }, i) => dayOf(day, sums[i] ?? last))],
  };
}

function dayOf(day: EpochMs, { expected, low, high }: Forecast): ForecastMonth['days'][number] {
  return { day: isoDay(day), booked: false, usd: expected, lowUsd: low, highUsd: high };
}

function isoDay(at: EpochMs): string {
  return new Date(at).toISOString().slice(0, 10);
}

function forecastText(document: BillForecastDocument): string {
  if (document.months.length === 0) return 'There is no whole day of recorded calls yet: a forecast needs one, and an interval seven.\n';
  const right = (head: string) => ({ head, align: 'right' as const });
  const range = (low: number | null, high: number | null) => (low === null || high === null ? '–' : `${money(low)} – ${money(high)}`);
  const budget = document.budgetUsd;
  const months = renderTable(
    [
      { head: 'month' },
      right('spent'),
      right('expected'),
      right('90 % between'),
      ...(budget === null ? [] : [right(`over ${money(budget)}`)]),
    ],
    document.months.map((one) => [
      one.month,
      money(one.spentUsd),
      money(one.expectedUsd),
      range(one.lowUsd, one.highUsd),
      ...(budget === null ? [] : [percent(one.overBudget, 0)]),
    ]),
  );
  const first = document.months[0];
  const days = renderTable(
    [{ head: 'end of' }, right('sum of the month'), right('90 % between')],
    (first?.days ?? []).map((day) => [day.day, money(day.usd), day.booked ? 'booked' : range(day.lowUsd, day.highUsd)]),
  );
  const few = document.historyDays < 7 ? `Only ${document.historyDays} whole days: seven are needed for an interval.\n` : '';
  return `${months}\n${days}\nFrom ${document.historyDays} whole days. Method: ${document.method}.\n${few}`;
}

function money(usd: number): string {
  return formatUsd(Math.round(usd * 1e9) as NanoUsd);
}
