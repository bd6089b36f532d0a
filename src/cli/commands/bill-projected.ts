import type { EpochMs } from '../../core/index.ts';
import { forecast } from '../../finops/index.ts';
import { startOfMonth } from '../day.ts';

/** How the month ends on both sides when its days go on as they were. Dollars; the interval holds 90 %, null with fewer than seven whole days. */
export interface ProjectedMonth {
  /** `2026-11`. */
  readonly month: string;
  readonly actualUsd: number;
  readonly actualLowUsd: number | null;
  readonly actualHighUsd: number | null;
  readonly beforeUsd: number;
  readonly savedUsd: number;
}

/** What a day cost, by day as `2026-11-22`. */
export interface DayCosts {
  readonly actual: ReadonlyMap<string, number>;
  readonly before: ReadonlyMap<string, number>;
}

const DAY_MS = 86_400_000;

/** Days that a projection looks back on, the month itself besides. */
const HISTORY_DAYS = 56;

/** From when on the days of a projection are needed; null where the span is not the running month up to now, which alone has an end to project. */
export function projectionStart(span: { readonly from: EpochMs; readonly to: EpochMs }, now: EpochMs): EpochMs | null {
  const start = startOfMonth(now);
  if (span.from !== start || span.to <= now) return null;
  return Math.min(start, Math.floor(now / DAY_MS) * DAY_MS - HISTORY_DAYS * DAY_MS);
}

/** The end of the running month by `forecast`, as `smallfirst bill --forecast` makes it; null without a whole day to learn from. */
export function projectedMonth(costs: DayCosts, now: EpochMs): ProjectedMonth | null {
  const start = startOfMonth(now);
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const date = new Date(start);
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  const first = Math.min(...[...costs.actual.keys()].map((day) => Date.parse(`${day}T00:00:00Z`)), today);
  const coming: { readonly weekday: number; readonly left: number }[] = [];
  for (let day = today; day < end; day += DAY_MS) {
    coming.push({ weekday: new Date(day).getUTCDay(), left: day === today ? 1 - (now - today) / DAY_MS : 1 });
  }
  const ending = (usd: ReadonlyMap<string, number>) => {
    const history: { readonly weekday: number; readonly usd: number }[] = [];
    for (let day = first; day < today; day += DAY_MS) history.push({ weekday: new Date(day).getUTCDay(), usd: usd.get(dayOf(day)) ?? 0 });
    const spent = [...usd].reduce((sum, [day, one]) => (Date.parse(`${day}T00:00:00Z`) >= start ? sum + one : sum), 0);
    return forecast({ history, days: coming, spent })?.at(-1) ?? null;
  };
  const actual = ending(costs.actual);
  const before = ending(costs.before);
  if (actual === null || before === null) return null;
  return {
    month: dayOf(start).slice(0, 7),
    actualUsd: actual.expected,
    actualLowUsd: actual.low,
    actualHighUsd: actual.high,
    beforeUsd: before.expected,
    savedUsd: before.expected - actual.expected,
  };
}

function dayOf(at: EpochMs): string {
  return new Date(at).toISOString().slice(0, 10);
}
