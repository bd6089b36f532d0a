import { type NanoUsd, toUsd } from '../core/index.ts';

/** A line of a bill as the export needs it: one day, one model, one purpose. Names are null where the call had none. */
export interface FocusItem {
  /** `2026-11-22` in UTC. */
  readonly day: string;
  readonly provider: string | null;
  readonly model: string | null;
  readonly team: string | null;
  readonly tags: Readonly<Record<string, string | null>>;
  readonly cost: NanoUsd;
  readonly attempts: number;
  readonly requests: number;
  readonly unpricedCalls: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** A column: its name in FOCUS 1.2, or our own with `x_`, and what it holds. Null is an empty field. */
interface FocusColumn {
  readonly name: string;
  readonly value: (item: FocusItem) => string | number | null;
}

/** The specification that the columns follow. */
export const FOCUS_VERSION = '1.2';

/** Every mandatory column of FOCUS 1.2, the conditional ones that a call can fill, and ours. Prices per unit are left out: a row holds several token classes. */
export const focusColumns: readonly FocusColumn[] = [
  { name: 'BilledCost', value: money },
  { name: 'BillingAccountId', value: provider },
  { name: 'BillingAccountName', value: () => null },
  { name: 'BillingCurrency', value: () => 'USD' },
  { name: 'BillingPeriodEnd', value: ({ day }) => monthStart(day, 1) },
  { name: 'BillingPeriodStart', value: ({ day }) => monthStart(day, 0) },
  { name: 'ChargeCategory', value: () => 'Usage' },
  { name: 'ChargeClass', value: () => null },
  { name: 'ChargeDescription', value: description },
  { name: 'ChargeFrequency', value: () => 'Usage-Based' },
  { name: 'ChargePeriodEnd', value: ({ day }) => dayStart(day, 1) },
  { name: 'ChargePeriodStart', value: ({ day }) => dayStart(day, 0) },
  { name: 'ConsumedQuantity', value: tokens },
  { name: 'ConsumedUnit', value: () => 'Tokens' },
  { name: 'ContractedCost', value: money },
  { name: 'EffectiveCost', value: money },
  { name: 'InvoiceIssuerName', value: provider },
  { name: 'ListCost', value: money },
  { name: 'PricingQuantity', value: tokens },
  { name: 'PricingUnit', value: () => 'Tokens' },
  { name: 'ProviderName', value: provider },
  { name: 'PublisherName', value: provider },
  { name: 'ResourceId', value: ({ model }) => model },
  { name: 'ResourceName', value: ({ model }) => model },
  { name: 'ResourceType', value: ({ model }) => (model === null ? null : 'Model') },
  { name: 'ServiceCategory', value: () => 'AI and Machine Learning' },
  { name: 'ServiceName', value: () => 'Language model inference' },
  { name: 'ServiceSubcategory', value: () => 'Generative AI' },
  { name: 'SubAccountId', value: ({ team }) => team },
  { name: 'SubAccountName', value: ({ team }) => team },
  { name: 'Tags', value: tags },
  { name: 'x_Attempts', value: ({ attempts }) => attempts },
  { name: 'x_CachedTokens', value: ({ cachedTokens }) => cachedTokens },
  { name: 'x_InputTokens', value: ({ inputTokens }) => inputTokens },
  { name: 'x_OutputTokens', value: ({ outputTokens }) => outputTokens },
  { name: 'x_Requests', value: ({ requests }) => requests },
  { name: 'x_UnpricedCalls', value: ({ unpricedCalls }) => unpricedCalls },
];

/** The heads of the columns as a line of CSV, without its end. */
export function focusHeader(): string {
  return focusColumns.map(({ name }) => name).join(',');
}

/** One row as a line of CSV (RFC 4180), without its end. Money has every digit of a nano-dollar, so that the rows add up to the bill. */
export function focusRow(item: FocusItem): string {
  return focusColumns.map(({ value }) => csvField(value(item))).join(',');
}

function money(item: FocusItem): string {
  return toUsd(item.cost)
    .toFixed(9)
    .replace(/\.?0+$/, '');
}

function tokens({ inputTokens, outputTokens }: FocusItem): number {
  return inputTokens + outputTokens;
}

function provider(item: FocusItem): string {
  return item.provider ?? 'unknown provider';
}

function description(item: FocusItem): string {
  const what = `${item.attempts} calls of ${item.model ?? 'an unknown model'}`;
  return item.unpricedCalls > 0 ? `${what}, ${item.unpricedCalls} of them UNPRICED and not in the cost` : what;
}

function tags(item: FocusItem): string | null {
  const named = Object.entries(item.tags).filter(([, value]) => value !== null);
  return named.length === 0 ? null : JSON.stringify(Object.fromEntries(named));
}

function dayStart(day: string, later: number): string {
  return iso(Date.parse(`${day}T00:00:00Z`) + later * 86_400_000);
}

function monthStart(day: string, later: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  return iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later, 1));
}

function iso(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
