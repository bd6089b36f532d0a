import { addUsd, type Call, inputTotal, type NanoUsd, ZERO_USD } from '../core/index.ts';

/** Something that costs money: a call, a cell of an eval, or a rollup row of many calls. */
export interface BillItem {
  /** The step it belongs to; null where nothing names one. */
  readonly step: string | null;
  /** Null is unpriced, which is counted and never added as 0. */
  readonly cost: NanoUsd | null;
  /** How many calls it stands for; 1 unless given. */
  readonly calls?: number;
  /** How many of them are unpriced; all of them when `cost` is null, none otherwise, unless given. */
  readonly unpricedCalls?: number;
  readonly inputTokens?: number;
  readonly cachedTokens?: number;
  readonly outputTokens?: number;
}

/** Sums of a step or of a whole bill. `cost` is the sum of the priced calls only. */
export interface BillSums {
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** One step of a bill. */
export interface BillLine extends BillSums {
  readonly step: string | null;
}

/** A bill: its lines in order of first appearance, and their exact sum. */
export interface Bill {
  readonly lines: readonly BillLine[];
  readonly total: BillSums;
}

const NOTHING: BillSums = { calls: 0, unpricedCalls: 0, cost: ZERO_USD, inputTokens: 0, cachedTokens: 0, outputTokens: 0 };

/** Adds items up per step. The total is exactly the sum of the lines, and the lines of the items. */
export function billOf(items: Iterable<BillItem>): Bill {
  const lines = new Map<string | null, BillSums>();
  for (const item of items) lines.set(item.step, add(lines.get(item.step) ?? NOTHING, sumsOf(item)));
  let total = NOTHING;
  for (const line of lines.values()) total = add(total, line);
  return { lines: [...lines].map(([step, sums]) => ({ step, ...sums })), total };
}

/** A recorded call as an item: booked to its step, else to its task. */
export function billItemOf(call: Call): BillItem {
  return {
    step: call.step ?? call.task,
    cost: call.cost,
    inputTokens: inputTotal(call.usage),
    cachedTokens: call.usage.cacheRead,
    outputTokens: call.usage.output,
  };
}

/** The same bill for a number of times as much traffic, exact. Throws RangeError when that is no whole number or the sum leaves the exact range. */
export function scaleBill(bill: Bill, times: number): Bill {
  if (!Number.isSafeInteger(times) || times < 0) throw new RangeError(`not a number of times: ${times}`);
  const scaled = (sums: BillSums): BillSums => ({
    calls: sums.calls * times,
    unpricedCalls: sums.unpricedCalls * times,
    cost: addUsd((sums.cost * times) as NanoUsd),
    inputTokens: sums.inputTokens * times,
    cachedTokens: sums.cachedTokens * times,
    outputTokens: sums.outputTokens * times,
  });
  return { lines: bill.lines.map(({ step, ...sums }) => ({ step, ...scaled(sums) })), total: scaled(bill.total) };
}

/** One step before and after; a step that only one bill has is null in the other. */
export interface StepComparison {
  readonly step: string | null;
  readonly before: BillSums | null;
  readonly after: BillSums | null;
  /** Before minus after; negative when it got dearer. */
  readonly saved: NanoUsd;
  /** Share of the cost before, 1 for all of it; null when there was none, or when an unpriced call makes it unknowable. */
  readonly savedShare: number | null;
}

/** Two bills side by side. */
export interface BillComparison {
  readonly steps: readonly StepComparison[];
  readonly total: StepComparison & { readonly before: BillSums; readonly after: BillSums };
}

/** Compares two bills of the same traffic per step and in total. */
export function compareBills(before: Bill, after: Bill): BillComparison {
  const names = new Set([...before.lines, ...after.lines].map((line) => line.step));
  const find = (bill: Bill, step: string | null): BillSums | null => {
    const line = bill.lines.find((item) => item.step === step);
    if (!line) return null;
    const { step: _, ...sums } = line;
    return sums;
  };
  const steps = [...names].map((step) => compare(step, find(before, step), find(after, step)));
  return { steps, total: { ...compare(null, before.total, after.total), before: before.total, after: after.total } };
}

function compare(step: string | null, before: BillSums | null, after: BillSums | null): StepComparison {
  const was = before ?? NOTHING;
  const is = after ?? NOTHING;
  const known = was.unpricedCalls === 0 && is.unpricedCalls === 0 && was.cost > 0;
  return { step, before, after, saved: (was.cost - is.cost) as NanoUsd, savedShare: known ? (was.cost - is.cost) / was.cost : null };
}

function sumsOf(item: BillItem): BillSums {
  const calls = item.calls ?? 1;
  return {
    calls,
    unpricedCalls: item.unpricedCalls ?? (item.cost === null ? calls : 0),
    cost: item.cost ?? ZERO_USD,
    inputTokens: item.inputTokens ?? 0,
    cachedTokens: item.cachedTokens ?? 0,
    outputTokens: item.outputTokens ?? 0,
  };
}

function add(a: BillSums, b: BillSums): BillSums {
  return {
    calls: a.calls + b.calls,
    unpricedCalls: a.unpricedCalls + b.unpricedCalls,
    cost: addUsd(a.cost, b.cost),
    inputTokens: a.inputTokens + b.inputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    outputTokens: a.outputTokens + b.outputTokens,
  };
}
