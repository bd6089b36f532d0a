import { quantileSorted, seededRandom } from '../statistics/index.ts';

/** What one whole day cost. `weekday` counts from 0 for Sunday. */
export interface CostDay {
  readonly weekday: number;
  readonly usd: number;
}

/** A sum that is still to come, with its interval where there are days enough to tell one. */
export interface Forecast {
  readonly expected: number;
  /** 5th and 95th percentile of the draws: 90 % of them lie between; null with fewer than a week of days. */
  readonly low: number | null;
  readonly high: number | null;
  /** Share of the draws above the budget; null without one, or without an interval. */
  readonly overBudget: number | null;
}

/** What to forecast: days to come, of which the first may be partly over. */
export interface ForecastPlan {
  /** Whole days of before, oldest first, without gaps: a day without calls costs 0. */
  readonly history: readonly CostDay[];
  /** Weekday and the share of the day that is still to come, in order. */
  readonly days: readonly { readonly weekday: number; readonly left: number }[];
  /** What was spent already: it is part of every sum. */
  readonly spent: number;
  readonly budget?: number;
}

/** How the forecast is made, for people. */
export const forecastMethod =
  'mean of the last 28 days times the factor of the weekday (from 14 days on, over at most 56); interval: 90 % of 2,000 bootstrap draws of days and of their mean; no trend, no holidays';

const LEVEL_DAYS = 28;
const HISTORY_DAYS = 56;
const DAYS_FOR_WEEKDAYS = 14;
const DAYS_FOR_INTERVAL = 7;
const DRAWS = 2000;
/** A weekday's factor counts as if two average days stood beside its own, so that one odd Sunday is no pattern. */
const PRIOR_DAYS = 2;
/** A weekday without any cost would divide by nothing. */
const LEAST_FACTOR = 0.05;

/**
 * The sum after each of the days to come, the spent part included. Null without a single whole day to learn from. The same plan gives the same
 * answer: the draws are seeded.
 */
export function forecast(plan: ForecastPlan): readonly Forecast[] | null {
  const history = plan.history.slice(-HISTORY_DAYS);
  if (history.length === 0) return null;
  const factors = weekdayFactors(history);
  const seen = history.slice(-LEVEL_DAYS).map((day) => ({ usd: day.usd, factor: factorOf(factors, day.weekday) }));
  const level = levelOf(seen);
  let expected = plan.spent;
  const sums = plan.days.map((day) => {
    expected += level * factorOf(factors, day.weekday) * day.left;
    return expected;
  });
  if (history.length < DAYS_FOR_INTERVAL) return sums.map((sum) => ({ expected: sum, low: null, high: null, overBudget: null }));
  const draws = drawSums(plan, seen, factors);
  return sums.map((sum, i) => {
    const drawn = (draws[i] ?? new Float64Array()).sort();
    const over = plan.budget === undefined ? null : drawn.filter((one) => one > (plan.budget ?? 0)).length / DRAWS;
    return { expected: sum, low: quantileSorted(drawn, 0.05), high: quantileSorted(drawn, 0.95), overBudget: over };
  });
}

interface SeenDay {
  readonly usd: number;
  readonly factor: number;
}

/** What an average day costs: Σ cost ÷ Σ factor, so that whole weeks add up to what they were. */
function levelOf(seen: readonly SeenDay[]): number {
  let usd = 0;
  let factor = 0;
  for (const day of seen) {
    usd += day.usd;
    factor += day.factor;
  }
  return usd / factor;
}

/** Per day to come, the drawn sums up to it: the level is drawn anew for each future, what a day strays from it as days were seen to. */
function drawSums(plan: ForecastPlan, seen: readonly SeenDay[], factors: readonly number[]): readonly Float64Array[] {
  const random = seededRandom(1);
  const level = levelOf(seen);
  const strays = seen.map((day) => day.usd - day.factor * level);
  const draws = plan.days.map(() => new Float64Array(DRAWS));
  for (let k = 0; k < DRAWS; k++) {
    let usd = 0;
    let factor = 0;
    for (let i = 0; i < seen.length; i++) {
      const day = seen[random.int(seen.length)];
      usd += day?.usd ?? 0;
      factor += day?.factor ?? 0;
    }
    const drawn = usd / factor;
    let sum = plan.spent;
    plan.days.forEach((day, i) => {
      const stray = strays[random.int(strays.length)] ?? 0;
      sum += Math.max(0, drawn * factorOf(factors, day.weekday) + stray) * day.left;
      const row = draws[i];
      if (row) row[k] = sum;
    });
  }
  return draws;
}

function weekdayFactors(history: readonly CostDay[]): readonly number[] {
  const overall = mean(history.map((day) => day.usd));
  if (history.length < DAYS_FOR_WEEKDAYS || !(overall > 0)) return Array<number>(7).fill(1);
  return Array.from({ length: 7 }, (_, weekday) => {
    const days = history.filter((day) => day.weekday === weekday);
    const sum = days.reduce((total, day) => total + day.usd, PRIOR_DAYS * overall);
    return Math.max(LEAST_FACTOR, sum / (days.length + PRIOR_DAYS) / overall);
  });
}

function factorOf(factors: readonly number[], weekday: number): number {
  return factors[weekday] ?? 1;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
