import { type Usage, usage } from '../../core/index.ts';
import {
  busiestWait,
  type GpuCatalogue,
  type GpuOffer,
  type GpuThroughput,
  type HostedAt,
  type HostPlan,
  hostBreakEven,
  hostedAt,
  hostedOptions,
  nearestThroughput,
  requestsPerSecond,
  tuningPayback,
} from '../../finops/index.ts';
import type { CallPrices, PricedCall } from './breakeven-prices.ts';
import type { BreakevenOption } from './breakeven-types.ts';

/** The calls that are compared. */
export interface Traffic {
  readonly volume: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** How hosts of one's own are run. */
export interface Running {
  readonly utilisation: number;
  readonly spareHosts: number;
  readonly opsHours: number;
  readonly opsUsdPerHour: number;
  readonly otherUsdPerMonth: number;
  /** Busiest hour ÷ average hour. */
  readonly peak: number;
}

/** A hosted model and what it costs beside the baseline. */
export interface HostedRow {
  readonly option: BreakevenOption;
  readonly call: PricedCall;
}

/** Hosts of one's own beside the baseline, with what stands behind the figures. */
export interface HostRow {
  readonly option: BreakevenOption;
  readonly offer: GpuOffer;
  readonly throughput: GpuThroughput;
  readonly plan: HostPlan;
  readonly at: HostedAt;
  /** Past this volume no further host makes it dearer again; null for never. */
  readonly staysFrom: number | null;
  /** Seconds; Infinity past capacity. */
  readonly p95Wait: number;
}

/** One call of the traffic as a usage: cached tokens are a part of the input. */
export function usageOf(traffic: Traffic): Usage {
  const { inputTokens, cachedTokens, outputTokens } = traffic;
  return usage({ freshInput: inputTokens - cachedTokens, cacheRead: cachedTokens, output: outputTokens });
}

/** Hosted models beside the baseline, the baseline itself left out; those without a price in force are named apart. */
export function hostedRows(
  baseline: PricedCall,
  traffic: Traffic,
  prices: CallPrices,
): { readonly rows: readonly HostedRow[]; readonly unpriced: readonly string[] } {
  const rows: HostedRow[] = [];
  const unpriced: string[] = [];
  for (const { kind, provider, model } of hostedOptions) {
    const call = prices.call({ provider, model }, usageOf(traffic));
    if (call === null) unpriced.push(`${provider}/${model}`);
    else if (call.name !== baseline.name) rows.push({ option: hostedOption(kind, call, { baseline, volume: traffic.volume }), call });
  }
  return { rows, unpriced };
}

function hostedOption(
  kind: 'hosted-small' | 'hosted-open',
  call: PricedCall,
  against: { readonly baseline: PricedCall; readonly volume: number },
): BreakevenOption {
  const never = call.usdPerCall >= against.baseline.usdPerCall;
  return {
    kind,
    model: call.name,
    usdPerMonth: call.usdPerCall * against.volume,
    breakEvenVolume: never ? null : 0,
    utilisation: 0,
    never,
  };
}

/** Hosts of one's own with every GPU of the catalogue that has a benchmark, cheapest first; those without one are named apart. */
export function hostRows(
  usdPerCall: number,
  traffic: Traffic,
  world: { readonly catalogue: GpuCatalogue; readonly running: Running },
): { readonly rows: readonly HostRow[]; readonly unmeasured: readonly string[] } {
  const rows: HostRow[] = [];
  const unmeasured: string[] = [];
  for (const offer of world.catalogue.offers) {
    const throughput = nearestThroughput(world.catalogue, offer.name, traffic);
    if (throughput === null) unmeasured.push(offer.name);
    else rows.push(hostRow({ offer, throughput, usdPerCall }, traffic, world.running));
  }
  return { rows: rows.sort((a, b) => a.option.usdPerMonth - b.option.usdPerMonth), unmeasured };
}

function hostRow(
  parts: { readonly offer: GpuOffer; readonly throughput: GpuThroughput; readonly usdPerCall: number },
  traffic: Traffic,
  running: Running,
): HostRow {
  const { offer, throughput, usdPerCall } = parts;
  const plan: HostPlan = {
    usdPerHour: offer.usdPerHour,
    requestsPerSecond: requestsPerSecond(throughput, traffic),
    concurrency: throughput.concurrency,
    utilisation: running.utilisation,
    spareHosts: running.spareHosts,
    fixedUsdPerMonth: running.opsHours * running.opsUsdPerHour + running.otherUsdPerMonth,
  };
  const at = hostedAt(plan, traffic.volume);
  const { volume, staysFrom, utilisation } = hostBreakEven(plan, usdPerCall);
  const option: BreakevenOption = {
    kind: 'self-hosted',
    model: `${throughput.model} on ${offer.name}`,
    usdPerMonth: at.usdPerMonth,
    breakEvenVolume: volume,
    utilisation: Number.isFinite(utilisation) ? utilisation : null,
    never: utilisation > 1,
  };
  const load = { callsPerMonth: traffic.volume, hosts: at.hosts, peak: running.peak };
  return { option, offer, throughput, plan, at, staysFrom, p95Wait: busiestWait(plan, load) };
}

/** What a fine-tune of a hosted open model costs. */
export interface TuningTerms {
  readonly usdOnce: number;
  readonly endpointUsdPerMonth: number;
  readonly sharedBy: number;
  readonly months: number;
}

/** A fine-tune of an open model beside the baseline: calls at that model's price, its endpoint, and what was paid once over the months. */
export function tunedOption(
  terms: TuningTerms,
  open: PricedCall,
  against: { readonly baseline: PricedCall; readonly volume: number },
): BreakevenOption {
  const { callsPerMonth } = tuningPayback({ ...terms, usdPerCallBefore: against.baseline.usdPerCall, usdPerCallAfter: open.usdPerCall });
  return {
    kind: 'fine-tuned',
    model: `${open.name}, fine-tuned`,
    usdPerMonth: open.usdPerCall * against.volume + terms.endpointUsdPerMonth / terms.sharedBy + terms.usdOnce / terms.months,
    breakEvenVolume: callsPerMonth === null ? null : Math.ceil(callsPerMonth),
    utilisation: 0,
    never: callsPerMonth === null,
  };
}
