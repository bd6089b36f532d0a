import { addUsd, costOfTokens, type NanoUsd, type NanoUsdPerMillion, nanoUsd, toUsd } from '../core/index.ts';
import { breakEvenVolume, HOURS_PER_MONTH } from '../finops/index.ts';
import type { EndpointPrice, TrainingPrice } from './training-prices.ts';

/** What is known before a job starts. */
export interface EstimateInput {
  /** Tokens of the training rows once, and of the validation rows once. */
  readonly trainingTokens: number;
  readonly validationTokens: number;
  readonly epochs: number;
  /** How often the validation rows are run through while training. */
  readonly evaluations: number;
  readonly price: TrainingPrice | null;
  /** A price that the user states; it goes before the bundled one. */
  readonly declaredPerMillion: NanoUsdPerMillion | null;
  /** True where training runs on a machine of the user's own. */
  readonly ownMachine: boolean;
  readonly endpoint: EndpointPrice | null;
  /** Cost of a call now and after; null where it is not known. */
  readonly perCall: { readonly before: NanoUsd; readonly after: NanoUsd } | null;
  readonly callsPerMonth: number | null;
}

/** When a training has paid for itself. */
export interface Payback {
  readonly savedPerCall: NanoUsd;
  /** N* = training cost ÷ saving per call, rounded up; null for never, or where the training cost is not known. */
  readonly calls: number | null;
  /** Calls a month from which the endpoint alone pays; null without an endpoint, or for never. */
  readonly callsPerMonthForEndpoint: number | null;
  /** Months until N* at the traffic of today, the endpoint and storage paid first; null for never or unknown. */
  readonly months: number | null;
}

/** What a job will cost, as far as that is known before it starts. */
export interface Estimate {
  /** epochs × training tokens + evaluations × validation tokens. */
  readonly billedTokens: number;
  /** Null is unknown, which is never the same as free. */
  readonly cost: NanoUsd | null;
  readonly minimum: NanoUsd | null;
  readonly origin: 'provider' | 'declared' | 'price list' | 'own machine' | 'unknown';
  readonly source: string | null;
  readonly asOf: string | null;
  readonly storagePerMonth: NanoUsd | null;
  readonly endpointPerMonth: NanoUsd | null;
  readonly endpoint: EndpointPrice | null;
  readonly payback: Payback | null;
}

/** Reckons what a job will cost and when it has paid for itself: tokens × epochs × price, the least charge, N* = F ÷ Δc. */
export function estimate(input: EstimateInput): Estimate {
  const { price, declaredPerMillion, endpoint } = input;
  const billedTokens = Math.ceil(input.epochs * input.trainingTokens + input.evaluations * input.validationTokens);
  const perMillion = declaredPerMillion ?? price?.perMillion ?? null;
  const minimum = price?.minimum ?? null;
  const cost = input.ownMachine ? null : perMillion === null ? null : atLeast(costOfTokens(billedTokens, perMillion), minimum);
  const origin = input.ownMachine
    ? 'own machine'
    : declaredPerMillion !== null
      ? 'declared'
      : perMillion !== null
        ? 'price list'
        : 'unknown';
  const partial = {
    billedTokens,
    cost,
    minimum,
    origin,
    source: origin === 'price list' ? (price?.source ?? null) : null,
    asOf: origin === 'price list' ? (price?.asOf ?? null) : null,
    storagePerMonth: price?.storagePerMonth ?? null,
    endpointPerMonth: endpoint === null ? null : nanoUsd(endpoint.usdPerHour * HOURS_PER_MONTH),
    endpoint,
  } as const;
  return { ...partial, payback: paybackOf(partial, input) };
}

/** The same estimate with the provider's own price in the place of ours. */
export function withProviderPrice(before: Estimate, cost: NanoUsd, input: Pick<EstimateInput, 'perCall' | 'callsPerMonth'>): Estimate {
  const after = { ...before, cost, origin: 'provider' as const, source: null, asOf: null };
  return { ...after, payback: paybackOf(after, input) };
}

function paybackOf(
  { cost, endpointPerMonth, storagePerMonth }: Pick<Estimate, 'cost' | 'endpointPerMonth' | 'storagePerMonth'>,
  { perCall, callsPerMonth }: Pick<EstimateInput, 'perCall' | 'callsPerMonth'>,
): Payback | null {
  if (perCall === null) return null;
  const saved = (perCall.before - perCall.after) as NanoUsd;
  const calls = cost === null || saved <= 0 ? null : Math.ceil(cost / saved);
  const fixed = addUsd(endpointPerMonth ?? (0 as NanoUsd), storagePerMonth ?? (0 as NanoUsd));
  const forEndpoint =
    fixed === 0
      ? null
      : breakEvenVolume({ fixedUsdPerMonth: toUsd(fixed), usdPerCallBefore: toUsd(perCall.before), usdPerCallAfter: toUsd(perCall.after) });
  const monthly = callsPerMonth === null ? null : callsPerMonth * saved - fixed;
  return {
    savedPerCall: saved,
    calls,
    callsPerMonthForEndpoint: forEndpoint === null ? null : Math.ceil(forEndpoint),
    months: cost === null || monthly === null || monthly <= 0 ? null : cost / monthly,
  };
}

function atLeast(cost: NanoUsd, minimum: NanoUsd | null): NanoUsd {
  return minimum !== null && minimum > cost ? minimum : cost;
}

/** What a person agreed to. */
export interface Approval {
  /** `yes`: by a flag; `prompt`: after the estimate was shown. */
  readonly by: 'yes' | 'prompt';
  /** Never spend more than this. */
  readonly cap: NanoUsd | null;
  /** The cost that was shown; null where it was not known. */
  readonly shown: NanoUsd | null;
}

/** Whether a job may start: yes, no, or only after it is asked again because it costs more than was shown. */
export type Gate = { readonly go: true } | { readonly go: false; readonly ask: boolean; readonly why: string };

/** Decides whether an approval covers a cost. A cap never holds what nobody can price. */
export function approves(approval: Approval | null, cost: NanoUsd | null, ownMachine: boolean): Gate {
  if (approval === null) return { go: false, ask: true, why: 'nobody has agreed to it yet' };
  if (ownMachine) return { go: true };
  if (approval.cap !== null) {
    if (cost === null) return { go: false, ask: false, why: 'its price is not known, and a cap cannot hold what has no price' };
    if (cost > approval.cap) return { go: false, ask: false, why: 'it costs more than the cap' };
    return { go: true };
  }
  if (approval.by === 'yes') return { go: true };
  if (cost !== null && (approval.shown === null || cost > approval.shown))
    return { go: false, ask: true, why: approval.shown === null ? 'its price is known only now' : 'the provider asks more than was shown' };
  return { go: true };
}
