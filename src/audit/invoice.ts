import { addUsd, type NanoUsd, SmallfirstError, ZERO_USD } from '../core/index.ts';
import { anthropicCosts } from './importers/anthropic-admin.ts';
import { openaiCosts } from './importers/openai-organization.ts';
import { openRows } from './open-rows.ts';
import type { DaySpend } from './types.ts';
import { unwrap } from './unwrap.ts';
import { dollarsOf, firstText, type JsonRecord, numberOf, objectOf, timeOf } from './values.ts';

/** A line of an invoice. */
export interface InvoiceLine {
  /** `2026-01-31` in UTC. */
  readonly day: string;
  /** Null where the invoice does not split by model. */
  readonly model: string | null;
  readonly amount: NanoUsd;
}

/** An invoice as it was read, with what of it could not be used. */
export interface Invoice {
  readonly lines: readonly InvoiceLine[];
  readonly total: NanoUsd;
  /** Rows without a day or an amount in dollars, and the line of the first. */
  readonly skipped: { readonly count: number; readonly firstLine: number | null };
}

/** What the logs say of a day or a model, and what was charged for it. */
export interface Reconciled {
  /** The day or the model; null where one side does not say. */
  readonly name: string | null;
  readonly logged: NanoUsd;
  readonly invoiced: NanoUsd;
  /** Invoiced minus logged: what the logs do not show. */
  readonly difference: NanoUsd;
  /** Calls of it that have no price: a part of the difference that is explained. */
  readonly unpricedCalls: number;
}

/** Logs held against an invoice. */
export interface InvoiceReconciliation {
  readonly total: Reconciled;
  /** Share of the invoice that the logs explain; null for an invoice of nothing. */
  readonly explained: number | null;
  readonly days: readonly Reconciled[];
  /** Empty where the invoice does not split by model. */
  readonly models: readonly Reconciled[];
}

/**
 * Reads an invoice: OpenAI's organization costs or Anthropic's cost report as JSON, or CSV with a column for the day (`date`, `day`,
 * `usage_date_utc` …), one for the amount in dollars (`amount`, `cost`, `cost_usd` …), and `model` where it has one.
 * Throws INPUT_NOT_FOUND, and INPUT_INVALID where no row has a day and an amount.
 */
export async function readInvoice(path: string): Promise<Invoice> {
  const lines: InvoiceLine[] = [];
  let skipped = 0;
  let firstLine: number | null = null;
  for await (const batch of openRows(path)) {
    for (const { line, value, problem } of batch) {
      for (const item of problem === null ? unwrap(value) : [null]) {
        const read = invoiceLine(objectOf(item));
        if (read !== null) lines.push(read);
        else {
          skipped += 1;
          firstLine ??= line;
        }
      }
    }
  }
  if (lines.length === 0) {
    throw new SmallfirstError('INPUT_INVALID', 'no row of the invoice has a day and an amount in dollars', {
      position: { file: path, ...(firstLine === null ? {} : { line: firstLine }) },
    });
  }
  return { lines, total: sumOf(lines.map(({ amount }) => amount)), skipped: { count: skipped, firstLine } };
}

/** Holds logged spend against an invoice, by day and, where both say it, by model. Sums are exact. */
export function reconcileInvoice(spend: readonly DaySpend[], invoice: Invoice): InvoiceReconciliation {
  const days = new Map<string | null, Side>();
  const models = new Map<string | null, Side>();
  for (const cell of spend) {
    add(days, cell.day, { logged: cell.cost, unpricedCalls: cell.unpricedCalls });
    add(models, cell.model, { logged: cell.cost, unpricedCalls: cell.unpricedCalls });
  }
  for (const { day, model, amount } of invoice.lines) {
    add(days, day, { invoiced: amount });
    add(models, model, { invoiced: amount });
  }
  const total = reconciled(null, {
    logged: sumOf(spend.map(({ cost }) => cost)),
    invoiced: invoice.total,
    unpricedCalls: spend.reduce((sum, cell) => sum + cell.unpricedCalls, 0),
  });
  return {
    total,
    explained: total.invoiced === 0 ? null : total.logged / total.invoiced,
    days: listOf(days),
    models: invoice.lines.some(({ model }) => model !== null) ? listOf(models) : [],
  };
}

interface Side {
  readonly logged: NanoUsd;
  readonly invoiced: NanoUsd;
  readonly unpricedCalls: number;
}

function add(sides: Map<string | null, Side>, name: string | null, more: Partial<Side>): void {
  const known = sides.get(name) ?? { logged: ZERO_USD, invoiced: ZERO_USD, unpricedCalls: 0 };
  sides.set(name, {
    logged: addUsd(known.logged, more.logged ?? ZERO_USD),
    invoiced: addUsd(known.invoiced, more.invoiced ?? ZERO_USD),
    unpricedCalls: known.unpricedCalls + (more.unpricedCalls ?? 0),
  });
}

function listOf(sides: ReadonlyMap<string | null, Side>): readonly Reconciled[] {
  return [...sides].map(([name, side]) => reconciled(name, side)).sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}

function reconciled(name: string | null, side: Side): Reconciled {
  return { name, ...side, difference: (side.invoiced - side.logged) as NanoUsd };
}

function sumOf(amounts: readonly NanoUsd[]): NanoUsd {
  let sum = ZERO_USD;
  for (const amount of amounts) sum = addUsd(sum, amount);
  return sum;
}

const DAYS = ['date', 'day', 'usage_date_utc', 'usage_date', 'start_time_iso', 'start_date', 'ChargePeriodStart', 'Date'];
const AMOUNTS = ['amount', 'amount_usd', 'cost', 'cost_usd', 'amount_value', 'usd', 'BilledCost', 'Amount', 'Cost'];

function invoiceLine(row: JsonRecord | null): InvoiceLine | null {
  if (row === null) return null;
  for (const importer of [openaiCosts, anthropicCosts]) {
    if (!importer.matches(row)) continue;
    const read = importer.read(row);
    if (read.kind !== 'total' || read.total.charged === null) return null;
    return { day: dayOf(read.total.from), model: read.total.model, amount: read.total.charged };
  }
  const time = timeOf(firstText(row, ...DAYS));
  const name = AMOUNTS.find((member) => row[member] !== undefined && row[member] !== '');
  const value = name === undefined ? null : row[name];
  // Accounts write `$1,234.50`.
  const amount = typeof value === 'string' ? numberOf(value.replace(/^\$|,(?=\d{3})/g, '')) : value;
  const usd = dollarsOf(amount);
  return time === null || usd === null ? null : { day: dayOf(time), model: firstText(row, 'model', 'Model', 'model_version'), amount: usd };
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
